package registry

import (
	"context"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
)

// exhausted tells a caller that has been told no too often to wait. Only a no is charged:
// callers that are in the right must not pay for asking a node that lags. Nor must they pay
// for others of their identity: what the view, once it has caught up, would say yes to is
// asked of the store all the same.
func (r *Registry) exhausted(ctx context.Context, a *asking, key store.Key, digest [32]byte) error {
	if r.opts.Lookups == nil {
		return nil
	}
	wait := r.opts.Lookups.Wait(a.caller.Identity)
	if wait <= 0 || r.plausible(a.caller, key, digest) {
		return nil
	}
	a.caught.Do(func() { r.catchUp(ctx) })
	if r.plausible(a.caller, key, digest) {
		return nil
	}
	return &Error{Code: RateLimited, Detail: "too many calls with tokens or instances that are not known", RetryAfter: wait}
}

// plausible tells whether the view, though it may lag, knows the token as one of the instance.
func (r *Registry) plausible(c Caller, key store.Key, digest [32]byte) bool {
	if h, ok := r.catalog.Find(key.Service, key.ID); ok && r.knows(c, h.Packed.Record(), digest) {
		return true
	}
	n, ok := r.catalog.Newer(key)
	return ok && r.knows(c, n.Record, digest)
}

func (r *Registry) knows(c Caller, rec *store.Record, digest [32]byte) bool {
	return c.Holder || rec.Owner == c.Identity && r.verdict(rec.Tokens, digest) != auth.Unknown
}

// catchUpPause is how long a catch-up waits for others to share it: it bounds how many
// there are, whoever asks.
const catchUpPause = 50 * time.Millisecond

// catchUp lets the view reach what the store has now, if that does not take long.
func (r *Registry) catchUp(ctx context.Context) {
	_, _ = together(ctx, &r.lookups, "", func(ctx context.Context) (*store.Record, error) {
		pause := time.NewTimer(catchUpPause)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		snap, err := r.store.List(ctx, store.Selector{Kind: store.KindInstance, Service: nobody})
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, visibleWithin)
		defer cancel()
		return nil, r.catalog.Wait(ctx, snap.Revision)
	})
}

// nobody is a name that no service has: a list of it is the store's position alone.
const nobody = "\x00"

func (r *Registry) charge(c Caller) {
	if r.opts.Lookups != nil {
		r.opts.Lookups.Allow(c.Identity)
	}
}
