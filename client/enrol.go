package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/roster-sd/roster/wire"
)

// register sends the registration, the first or another one.
func (w *worker) register() (time.Duration, error) {
	w.mu.Lock()
	in, version, lives := w.want, w.version, w.lives
	w.mu.Unlock()
	if w.pidOff {
		in.PID = 0
	}
	ctx, cancel := w.lingering()
	defer cancel()
	sent := time.Now()
	got, err := w.c.RegisterOnce(ctx, in, w.cred.token)
	if errors.Is(err, ErrUnauthenticated) && w.cred.token != "" {
		// The old token may be what is wrong; our identity may be enough.
		got, err = w.c.RegisterOnce(ctx, in, "")
	}
	if err == nil {
		return w.took(got, version, sent), nil
	}
	var e *Error
	if errors.As(err, &e) && e.sent {
		w.unclear = sent
	}
	switch {
	case w.ctx.Err() != nil:
		return 0, nil
	case errors.Is(err, ErrConflict):
		return w.taken(err)
	case w.opts.NoWait && hopeless(err):
		// The service goes on without, and somebody may yet start a registry.
	case final(err, lives == 0):
		return 0, err
	}
	return w.again(Registering, err), nil
}

// lingering gives a context that outlives Close by a moment: a registration that is on its
// way is better known, and undone, than left to its TTL.
func (w *worker) lingering() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(w.ctx, func() { time.AfterFunc(min(time.Second, w.opts.Goodbye), cancel) })
	return ctx, func() { stop(); cancel() }
}

// took notes an answer, and gives the time until the first renewal.
func (w *worker) took(got wire.Registered, version uint64, sent time.Time) time.Duration {
	w.cred, w.held = newCredential(got, now()), true
	w.made, w.unclear = false, time.Time{}
	w.mu.Lock()
	w.lives++
	w.mine, w.token = got.Instance, got.Token
	w.want.InstanceID = got.Instance.InstanceID
	changed := w.version != version
	if changed {
		w.token = "" // what was updated meanwhile is not in it: once more
	}
	w.mu.Unlock()
	if changed {
		return 0
	}
	return w.renewed(wire.Heartbeat{TTL: got.TTL, TokenExpiresAt: got.TokenExpiresAt}, sent)
}

// taken deals with an ID that lives under another token. That is our own where the answer
// to a registration was lost, and nothing proves to the registry that we are the same. An
// ID that nobody has seen yet is then given up for another; a known one is waited for, as
// the lost lease ends with its TTL.
func (w *worker) taken(err error) (time.Duration, error) {
	switch {
	case w.unclear.IsZero():
		return 0, err
	case w.made:
		w.mu.Lock()
		w.want.InstanceID = makeID(w.want.ServiceName)
		w.mu.Unlock()
		w.unclear = time.Time{}
		return w.again(Registering, err), nil
	case time.Since(w.unclear) > 2*w.leaseOfLost():
		return 0, err
	}
	return min(w.again(Registering, err), time.Second), nil
}

// leaseOfLost is the TTL that the lost answer would have told.
func (w *worker) leaseOfLost() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ttl > 0 {
		return w.ttl
	}
	if w.want.TTL != nil {
		return max(firstTTL, time.Duration(*w.want.TTL)*time.Millisecond)
	}
	return firstTTL
}

// final tells whether a registration is not worth sending again. At first more is: whoever
// starts a service is to be told at once what he got wrong. Later the service goes on, and
// what is refused today may be allowed tomorrow.
func final(err error, first bool) bool {
	var e *Error
	var untrusted *tls.CertificateVerificationError
	var refused *net.OpError
	switch {
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrLeaseLost):
		return true
	case !first:
		return false
	case errors.Is(err, ErrForbidden), errors.Is(err, ErrUnauthenticated), errors.As(err, &untrusted),
		errors.As(err, &refused) && refused.Op == "remote error", // of TLS: our certificate is not taken
		hopeless(err):
		return true
	case !errors.As(err, &e):
		return true // an answer that is none of a registry's
	}
	return e.Code == "" && e.Status != 0 && e.Status < http.StatusInternalServerError
}
