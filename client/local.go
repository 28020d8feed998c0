package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
	"github.com/roster-sd/roster/internal/devstart"
	"github.com/roster-sd/roster/wire"
)

// LocalOptions say how this user's local registry is found and started, for a client that
// is given no address. All members may be zero.
type LocalOptions struct {
	// NoStart: where none runs, calls fail with ErrUnavailable. Otherwise one is started,
	// with "roster dev --if-needed --detach"; it outlives this process, and ends by itself
	// when nobody has used it for half an hour. One that is killed while this client uses it
	// is started again, one that somebody stops is not. ROSTER_NO_START=1 in the environment
	// means the same as NoStart.
	NoStart bool
	// Binary is the roster program; if empty that of ROSTER_BIN, or the one on the PATH.
	Binary string
	// TempDir is the folder of the discovery file; the system's for temporary files if empty.
	TempDir string
}

// fromEnvironment fills in what the environment says where no address is given.
func (o *Options) fromEnvironment(getenv func(string) string) error {
	if len(o.Addresses) > 0 {
		return nil
	}
	for address := range strings.SplitSeq(getenv("ROSTER_ADDRESS"), ",") {
		if address = strings.TrimSpace(address); address != "" {
			o.Addresses = append(o.Addresses, address)
		}
	}
	own := o.TLS != nil || o.CAFile != "" || o.CertFile != "" || o.KeyFile != ""
	switch {
	case len(o.Addresses) == 0 && own:
		// The local registry speaks plain HTTP on loopback.
		return errors.New("certificates are for a registry that Addresses or ROSTER_ADDRESS names, and neither does")
	case len(o.Addresses) == 0 || o.TLS != nil || o.HTTPClient != nil:
		return nil
	}
	for _, x := range []struct {
		file     *string
		variable string
	}{{&o.CAFile, "ROSTER_CA"}, {&o.CertFile, "ROSTER_CERT"}, {&o.KeyFile, "ROSTER_KEY"}} {
		if *x.file == "" {
			*x.file = getenv(x.variable)
		}
	}
	return nil
}

// localWait bounds the waits between tries at a local registry: to look for it costs little,
// and somebody sits in front of it.
const localWait = time.Second

// cheap tells whether it costs little to try again after err, as it does with a local
// registry. To run a program again and again that starts none does not.
func (c *Client) cheap(err error) bool {
	return c.local != nil && !errors.Is(err, devstart.ErrNotStarted)
}

// local is the registry of this user, wherever it is just now: one that was restarted
// listens on another port.
type local struct {
	// find gives where it is. lost: it was found before, and does not answer there.
	find func(ctx context.Context, lost bool) (devfile.Info, error)
	// turn is held by the one who looks for the registry. The others wait for what he finds.
	turn chan struct{}
	base chan string // holds where it was found last, "" for nowhere yet
}

// leaving marks the context of a call that is not worth a registry of its own: whoever
// deregisters where none runs is done.
type leaving struct{}

var errStopped = fmt.Errorf("%w: it was stopped, and is used again when somebody starts it (roster dev --detach)", devstart.ErrNone)

func newLocal(opts LocalOptions) *local {
	l := &local{turn: make(chan struct{}, 1), base: make(chan string, 1)}
	l.base <- ""
	l.find = func(ctx context.Context, lost bool) (devfile.Info, error) {
		if opts.NoStart || ctx.Value(leaving{}) != nil {
			return devstart.Find(ctx, opts.TempDir)
		}
		// One that was stopped has removed its file, and whoever stopped it meant that; one
		// that was killed has left it behind.
		if _, _, err := devfile.Read(opts.TempDir); lost && errors.Is(err, devfile.ErrNotFound) {
			return devfile.Info{}, errStopped
		}
		return devstart.Ensure(ctx, devstart.Options{Binary: opts.Binary, TempDir: opts.TempDir})
	}
	return l
}

func (l *local) known() string {
	base := <-l.base
	l.base <- base
	return base
}

func (l *local) addresses() []string {
	if base := l.known(); base != "" {
		return []string{base}
	}
	return nil
}

// other gives where the registry is, if it is not where a call has just failed; many who
// have failed there look once.
func (l *local) other(ctx context.Context, failed string) (string, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if base := l.known(); base != failed {
		return base, nil
	}
	info, err := l.find(ctx, failed != "")
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", &Error{Code: wire.CodeUnavailable, Detail: err.Error(), Cause: err}
	}
	base := "http://" + info.Address()
	<-l.base
	l.base <- base
	return base, nil
}

// call tries where the registry was last; where nobody answers there, or somebody else, it
// looks for it, or starts it, and tries once more.
func (l *local) call(ctx context.Context, repeat bool, try func(base string) (sent bool, err error)) error {
	base := l.known()
	var before error
	for {
		if base == "" || before != nil {
			var err error
			if base, err = l.other(ctx, base); err != nil {
				switch {
				case before == nil || ctx.Err() != nil:
				case strange(before): // where the registry is not matters less than that it is not
					err = fmt.Errorf("%w; %s", err, before.Error()) // nothing of it is to be matched
				default:
					err = fmt.Errorf("%w; %w", before, err)
				}
				return err
			}
		}
		sent, err := try(base)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var e *Error
		silent := errors.As(err, &e) && errors.Is(e, ErrUnavailable) && e.Status == 0
		switch err = maybe(err, sent); {
		case before != nil:
			return err
		case strange(err): // somebody else's port by now: the registry has not got the call
		case !silent, sent && !repeat:
			return err
		}
		before = err
	}
}

// hopeless tells whether no local registry runs, and none will until somebody does something
// about it.
func hopeless(err error) bool {
	return errors.Is(err, devstart.ErrNotStarted) || errors.Is(err, devstart.ErrForbidden) || errors.Is(err, devfile.ErrUntrusted)
}

// isLocal tells whether the registry shares this machine, as far as addresses show: it is
// plain HTTP on loopback.
func (c *Client) isLocal() bool {
	if c.local != nil {
		return true
	}
	for _, base := range c.bases {
		host, plain := strings.CutPrefix(base, "http://")
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			host = host[:i]
		}
		if !plain || !isLoopback(strings.Trim(host, "[]")) {
			return false
		}
	}
	return true
}
