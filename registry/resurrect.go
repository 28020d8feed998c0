package registry

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// opens tells whether the token of a call is good for a record.
func (r *Registry) opens(c Caller, rec *store.Record, digest [32]byte) bool {
	return c.Holder || rec.Owner == c.Identity && r.verdict(rec.Tokens, digest).OK()
}

// resurrect brings back an instance that the store does not have, at the word of the
// holder of its token: if the view has it, and there is evidence that it is the registry or
// its backend that lost it. Neither record nor error: nothing speaks for that.
// ErrConflict: someone else was first.
func (r *Registry) resurrect(ctx context.Context, c Caller, key store.Key, digest [32]byte) (*store.Record, error) {
	if !r.catalog.Holds() {
		return nil, nil
	}
	lost, ok := r.lost(ctx, key)
	if !ok || !r.opens(c, lost.Record, digest) {
		return nil, nil
	}
	rec := *lost.Record
	stones, err := r.store.Tombstones(ctx, key)
	if err != nil {
		return nil, failed(err)
	}
	for i, s := range stones {
		switch g := s.Record.Generation; {
		case g > rec.Generation || g == rec.Generation && s.Reason.Meant():
			r.catalog.Leave(s)
			return nil, r.leaseLost(s.Reason)
		case g == rec.Generation && i == 0:
			// The store's last form of it may be later than this node's.
			if rec.Tokens = s.Record.Tokens; !r.opens(c, &rec, digest) {
				return nil, nil
			}
		}
	}
	if !c.Holder && r.verdict(rec.Tokens, digest) == auth.ValidNewest {
		rec.Tokens = store.Tokens(auth.Pair(rec.Tokens).Promote())
	}
	out, err := r.revive(ctx, &rec, r.why(c, store.Resurrected, ""))
	switch {
	case errors.Is(err, store.ErrLeaseLost):
		// It died for good between the two calls.
		return nil, r.gone(ctx, c, key, digest, true, audit.DeadOrForeign)
	case errors.Is(err, store.ErrConflict):
		return nil, err
	}
	return out, failed(err)
}

// revive registers a record as the generation that it was, only if there is none.
func (r *Registry) revive(ctx context.Context, rec *store.Record, why store.Reason) (*store.Record, error) {
	in := *rec
	if in.Instance.Health == store.HealthSuspect {
		in.Instance.Health = store.HealthPassing
	}
	if err := r.keptOut(ctx, in.Key.Service, in.Key.ID); err != nil {
		if CodeOf(err) == LeaseLost {
			r.leave(in.Key, store.Reason{Code: store.Forced, Node: r.opts.Node})
		}
		return nil, err
	}
	in.Instance.Override = r.standing(in.Key.Service, in.Key.ID)
	sent := r.catalog.Now()
	out, err := r.store.Register(ctx, in, store.Grant{TTL: rec.TTL, Why: why,
		If: store.Condition{Absent: true, Generation: rec.Generation}})
	if err != nil {
		return nil, err
	}
	if r.unsettled(out) {
		r.settleSoon(ctx, in.Key.Service, in.Key.ID)
	}
	r.stats.Resurrected.Add(1)
	r.granted(out, sent)
	return out, nil
}

// granted notes that the store granted the lease of a record to a call of that moment.
func (r *Registry) granted(rec *store.Record, sent catalog.Moment) {
	h, ok := r.catalog.Find(rec.Key.Service, rec.Key.ID)
	if !r.catalog.Holds() {
		if ok {
			h.Began(rec, 0)
		}
		return
	}
	if ok {
		h.Began(rec, r.millis()) // the clock of the store may be another
	}
	h.Packed = store.Pack(rec)
	h.Renewed(sent, rec.TTL)
}

// lost asks the catalog whether an instance that the store does not have may be brought
// back. Where the catalog knows of nothing that speaks for it, but shows the instance, the
// store may have begun another epoch just now.
func (r *Registry) lost(ctx context.Context, key store.Key) (catalog.Lost, bool) {
	lost, ok := r.catalog.Lost(key)
	if ok || lost.Record == nil {
		return lost, ok
	}
	snap, err := r.store.List(ctx, store.Selector(key))
	return lost, err == nil && r.catalog.Seen(snap.Revision)
}

func (r *Registry) leaseLost(why store.Reason) error {
	r.stats.Lost.Add(1)
	return &Error{Code: LeaseLost, Reason: why.Code, Detail: "the instance is gone: " + string(why.Code)}
}

// refused notes that the store was out of reach for a renewal with a good token.
func (r *Registry) refused(c Caller, key store.Key, digest [32]byte, err error) {
	if !r.catalog.Holds() || !errors.Is(err, store.ErrUnavailable) {
		return
	}
	if h, ok := r.catalog.Find(key.Service, key.ID); ok && r.opens(c, h.Packed.Record(), digest) {
		h.Refused(r.catalog.Now())
	}
}

// restore writes the later form of a record that the store went back behind, at the word
// of the holder of a token that only that form takes, and only over the very form that the
// store went back to. Neither record nor error: there is none.
func (r *Registry) restore(ctx context.Context, c Caller, stored *store.Record, digest [32]byte) (*store.Record, error) {
	n, ok := r.catalog.Newer(stored.Key)
	if !ok || stored.Generation != n.Stored.Generation || stored.Tokens != n.Stored.Tokens || !r.opens(c, n.Record, digest) {
		return nil, nil
	}
	in := *n.Record
	if !c.Holder && r.verdict(in.Tokens, digest) == auth.ValidNewest {
		in.Tokens = store.Tokens(auth.Pair(in.Tokens).Promote())
	}
	if in.Instance.Health == store.HealthSuspect {
		in.Instance.Health = store.HealthPassing
	}
	sent := r.catalog.Now()
	var out *store.Record
	var err error
	if in.Generation == stored.Generation {
		out, err = r.store.Update(ctx, stored.Ref(), r.why(c, store.Updated, restoredNote), func(x *store.Record) error {
			if x.Tokens != n.Stored.Tokens {
				return errTokenMoved
			}
			x.Tokens = in.Tokens
			if x.Revision == n.Stored.Revision {
				x.Instance = in.Instance
			}
			return nil
		})
	} else {
		out, err = r.store.Register(ctx, in, store.Grant{TTL: in.TTL, Why: r.why(c, store.Registered, restoredNote),
			If: store.Condition{Generation: stored.Generation}})
		if err == nil {
			r.granted(out, sent)
		}
	}
	if err == nil {
		if r.unsettled(out) {
			r.settleSoon(ctx, out.Key.Service, out.Key.ID)
		}
		r.stats.Restored.Add(1)
	}
	return out, err
}

// restoredNote stands with the event of a record that the backend had lost.
const restoredNote = "restored after the backend lost it"

// Run brings instances back whose leases the backend ended before the time that it had
// told this node, and tells of refusals that were not logged each, until the context ends,
// which is the only error that it gives. It does not wait for the holders of instances: within
// that time they need not come.
func (r *Registry) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.refusals.Run(ctx) })
	group.Go(func() error { return r.takeBack(ctx) })
	return group.Wait()
}

func (r *Registry) takeBack(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var waiting []store.Key
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.catalog.Early():
		case <-timer.C:
		}
		if waiting = r.bringBack(ctx, append(waiting, r.catalog.TakeEarly()...)); len(waiting) > 0 {
			timer.Reset(tryAgain)
		}
	}
}

// tryAgain is after how long an instance that could not be brought back is tried again.
const tryAgain = 250 * time.Millisecond

// bringBack tries each, and gives those that are to be tried again.
func (r *Registry) bringBack(ctx context.Context, keys []store.Key) (again []store.Key) {
	failed := make([]bool, len(keys))
	down := spread(len(keys), func(i int) error {
		lost, ok := r.catalog.Lost(keys[i])
		if !ok || !lost.Acked {
			return nil
		}
		_, err := r.revive(ctx, lost.Record, store.Reason{Code: store.Resurrected, Node: r.opts.Node,
			Note: "its lease was ended early"})
		switch {
		case errors.Is(err, store.ErrLeaseLost):
			if stones, _ := r.store.Tombstones(ctx, keys[i]); len(stones) > 0 {
				r.catalog.Leave(stones[0])
			}
		case unreachable(err):
			failed[i] = true
			return err
		}
		return nil
	})
	for i, key := range keys {
		if failed[i] || down[i] != nil {
			again = append(again, key)
		}
	}
	return again
}
