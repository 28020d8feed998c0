package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/roster-sd/roster/store"
)

// call is one call of the store's, with a deadline of its own.
type call struct {
	s      *Store
	op     string
	key    store.Key
	outer  context.Context // the caller's
	ctx    context.Context
	cancel context.CancelFunc
}

// enter begins a call if its context and the store allow it.
func (s *Store) enter(ctx context.Context, op string, key store.Key) (*call, error) {
	if err := s.allows(ctx, op, key); err != nil {
		return nil, err
	}
	c := &call{s: s, op: op, key: key, outer: ctx}
	c.ctx, c.cancel = context.WithTimeout(ctx, s.opts.CallTimeout)
	return c, nil
}

// allows tells whether a call may begin.
func (s *Store) allows(ctx context.Context, op string, key store.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed() {
		return fail(op, key, store.ErrClosed, nil)
	}
	return nil
}

func (c *call) leave() { c.cancel() }

// again gives the call its whole time anew.
func (c *call) again() {
	c.cancel()
	c.ctx, c.cancel = context.WithTimeout(c.outer, c.s.opts.CallTimeout)
}

// failed gives the form of an error that a caller sees.
func (c *call) failed(err error) error {
	if err == nil {
		return nil
	}
	return c.s.failure(c.outer, c.op, c.key, err)
}

func (s *Store) failure(ctx context.Context, op string, key store.Key, err error) error {
	var of *store.Error
	if errors.As(err, &of) {
		return err
	}
	if over := ended(ctx); over != nil {
		return over
	}
	if s.closed() {
		return fail(op, key, store.ErrClosed, nil)
	}
	return fail(op, key, store.ErrUnavailable, explain(err))
}

func (c *call) refuse(kind error) error { return fail(c.op, c.key, kind, nil) }

func (c *call) invalid(cause error) error { return fail(c.op, c.key, store.ErrInvalid, cause) }

func fail(op string, key store.Key, kind, cause error) error {
	return &store.Error{Op: op, Backend: backend, Key: key, Kind: kind, Cause: cause}
}

// ended gives the error of a context that is over. Sockets notice a deadline some moments
// before the context does.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if at, ok := ctx.Deadline(); ok && time.Until(at) < 5*time.Millisecond {
		return context.DeadlineExceeded
	}
	return nil
}

// refusals are how answers begin that say too little by themselves.
var refusals = [...]struct{ begins, means string }{
	{"OOM ", "the memory of Redis is full (maxmemory)"},
	{"READONLY", "this server is a replica"},
	{"MASTERDOWN", "this server is a replica without its master"},
	{"LOADING", "Redis is loading its data"},
	{"MISCONF", "Redis cannot write to its disk"},
	{"NOREPLICAS", "Redis has too few replicas (min-replicas-to-write)"},
	{"BUSY ", "Redis is busy with a script"},
	{"NOAUTH", "Redis wants a password"},
	{"WRONGPASS", "Redis refuses the user or the password"},
	{"NOPERM", "the user of Redis may not do this"},
	{"ERR max number of clie", "Redis has too many connections (maxclients)"},
	{"ERR Error compiling sc", "Redis 7.0 or later is needed"},
}

// explain adds what an operator should know to errors of the server that do not say it.
func explain(err error) error {
	for _, r := range refusals {
		if serverSays(err, r.begins) {
			return fmt.Errorf("%s: %w", r.means, err)
		}
	}
	return err
}

// serverSays tells whether err is an answer of the server that begins with a text.
func serverSays(err error, text string) bool {
	var said driver.Error
	return errors.As(err, &said) && strings.HasPrefix(said.Error(), text)
}
