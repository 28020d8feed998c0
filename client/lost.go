package client

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// gone says what follows from the end of the lease, by its reason (WIRE, "After 410").
func (w *worker) gone(err error, reason string) (time.Duration, error) {
	switch {
	case reason == "expired" || reason == "unreachable":
		return w.forget(err), nil
	case reason == "process_exited" && !w.pidOff && !w.opts.NoPID:
		// This process lives. The registry sees another one under its number, or none.
		w.pidOff = true
		return w.forget(err), nil
	}
	return 0, fmt.Errorf("keep %s: %w", name(w.ref()), err)
}

// forget lets go of the lease, so that the next step registers again.
func (w *worker) forget(err error) time.Duration {
	w.keep("")
	w.held = false
	w.set(Registering, err)
	return 0
}

// refused deals with a token that is not taken although the instance lives. If it is the
// very life that we registered, registering again is right: the token has run out, or the
// registry lost it. If it is another's, taking it back would go on for ever.
func (w *worker) refused(why error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(w.ctx, w.c.timeout)
	defer cancel()
	in, err := w.c.Instance(ctx, w.ref(), ReadOptions{Consistent: true})
	switch {
	case err == nil && in.RegisteredAt == w.Instance().RegisteredAt:
		return w.forget(why), nil
	case err == nil:
		return 0, fmt.Errorf("keep %s: another has registered it since: %w", name(w.ref()), why)
	case errors.Is(err, ErrNotFound) && w.cred.expired(now()):
		return w.forget(why), nil
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrForbidden):
		// It has just gone, or we may not look.
		if w.doubted++; w.doubted >= doubts {
			return 0, fmt.Errorf("keep %s: %w", name(w.ref()), why)
		}
	}
	// Where looking is refused as well it is not the token that is refused, but us: a
	// certificate that has run out may be renewed.
	return w.again(Unreachable, why), nil
}

// leave deregisters the instance of a registration that was closed.
func (w *worker) leave() {
	defer w.set(Closed, nil)
	if !w.held { // with a token or without: a change may just be on its way into it
		return
	}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), leaving{}, true), w.opts.Goodbye)
	defer cancel()
	err := w.c.Deregister(ctx, w.ref(), w.cred.token, "stopped")
	if errors.Is(err, ErrUnauthenticated) && w.cred.previous != "" {
		err = w.c.Deregister(ctx, w.ref(), w.cred.previous, "stopped")
	}
	if err != nil && !gone(err) {
		w.goodbye = fmt.Errorf("close registration: %w", err)
	}
	w.keep("")
}
