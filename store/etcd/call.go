package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/roster-sd/roster/store"
)

// call is one call of a method: what its errors name, and how long it may take.
type call struct {
	s      *Store
	op     string
	key    store.Key
	caller context.Context
	ctx    context.Context // ends with the caller's, with the store, and by itself
	cancel context.CancelFunc
	unhook func() bool
}

// begin lets a call in if its context and the store allow it.
func (s *Store) begin(ctx context.Context, op string, key store.Key) (*call, error) {
	c, err := s.enter(ctx, op, key)
	if err == nil {
		c.allow(s.opts.CallTimeout)
	}
	return c, err
}

// enter is begin for a call that may need no context of its own, which costs a microsecond:
// it says when it does, by allow.
func (s *Store) enter(ctx context.Context, op string, key store.Key) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &call{s: s, op: op, key: key, caller: ctx}
	if s.closed.Load() {
		return nil, c.fail(store.ErrClosed)
	}
	return c, nil
}

// allow bounds what comes from now on.
func (c *call) allow(d time.Duration) {
	c.end()
	c.ctx, c.cancel = context.WithTimeout(c.caller, d)
	c.unhook = context.AfterFunc(c.s.ctx, c.cancel)
}

func (c *call) end() {
	if c.cancel != nil {
		c.unhook()
		c.cancel()
	}
}

// sorts are the kinds that functions of this package return as they are.
var sorts = []error{
	store.ErrNotFound, store.ErrLeaseLost, store.ErrConflict, store.ErrCompacted,
	store.ErrInvalid, store.ErrUnavailable, store.ErrUnsupported, store.ErrClosed,
}

// fail gives an error of the call the form that all errors of a store have. A context
// error of the caller's passes through; one of our own means that etcd was too slow.
func (c *call) fail(err error) error {
	if own := c.caller.Err(); own != nil {
		return own
	}
	out := &store.Error{Op: c.op, Backend: backend, Key: c.key}
	var bad *refusal
	switch {
	case c.s.closed.Load():
		out.Kind = store.ErrClosed
		return out
	case errors.As(err, &bad):
		out.Kind, out.Cause = bad.kind, bad.cause
		return out
	case is(err, rpctypes.ErrRequestTooLarge):
		out.Kind, out.Cause = store.ErrInvalid, err
		return out
	}
	for _, kind := range sorts {
		if errors.Is(err, kind) {
			out.Kind = kind
			return out
		}
	}
	out.Kind, out.Cause = store.ErrUnavailable, c.cause(err)
	return out
}

// refusal is an error of a kind with the reason for it.
type refusal struct{ kind, cause error }

func (r *refusal) Error() string { return fmt.Sprintf("%v: %v", r.kind, r.cause) }

var errQuota = errors.New("etcd is at its space quota (alarm NOSPACE) and takes no writes until it is compacted, defragmented and disarmed")

// cause says why etcd did not do what it should, without any context's error in it.
func (c *call) cause(err error) error {
	switch {
	case isSlow(err):
		return fmt.Errorf("no answer within %v", c.s.opts.CallTimeout)
	case is(err, rpctypes.ErrNoSpace):
		return errQuota
	case store.IsContext(err):
		return errors.New(err.Error())
	}
	return err
}

// isSlow tells whether time ran out.
func isSlow(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		status.Code(err) == codes.DeadlineExceeded || status.Code(err) == codes.Canceled
}

// is tells whether err is the one that etcd answered with, whether the client made an error
// of its own of it or not.
func is(err, want error) bool {
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		return carrier.GRPCStatus().Message() == want.Error()
	}
	return errors.Is(err, want)
}
