package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

func (d *node) Register(ctx context.Context, in store.Record, g store.Grant) (*store.Record, error) {
	if err := d.guard(ctx, "register", in.Key); err != nil {
		return nil, err
	}
	n := d.n
	defer n.mu.Unlock()
	old := n.live(in.Key)
	n.remembered(in.Key)
	if err := n.refuses(old, in.Key, g.If); err != nil {
		return nil, d.err("register", in.Key, err)
	}
	dying := n.recs[in.Key] // whether expired or not
	rec := in
	if !n.bad("keeps the caller's slices") {
		rec = copyOf(&in)
	}
	if n.bad("writes into the caller's slices") {
		slices.Sort(in.Instance.Tags)
	}
	if n.bad("loses odd text") {
		rec.Instance.Role, rec.Instance.Meta = strings.ReplaceAll(rec.Instance.Role, "\x00", ""), ""
	}
	back := g.If.Absent && g.If.Generation != 0
	g.Why.Code = store.Registered
	rec.Generation = max(n.gens[in.Key], 0) + 1
	if back {
		g.Why.Code = store.Resurrected
		if !n.bad("resurrects as a new generation") {
			rec.Generation = g.If.Generation
		}
	}
	n.gens[in.Key] = max(n.gens[in.Key], rec.Generation)
	if !back || n.bad("resurrects as registered now") {
		rec.RegisteredAt = store.At(time.Now())
	}
	rec.Lease, rec.TTL = 0, n.granted(g.TTL)
	h := &held{rec: &rec}
	if g.TTL > 0 {
		n.leases++
		rec.Lease, h.end = store.LeaseID(n.leases), time.Now().Add(rec.TTL)
		if n.bad("keeps the old lease's end") && old != nil {
			h.end = old.end
		}
	}
	ev := store.Event{Record: &rec, Reason: g.Why}
	if dying != nil && old == nil {
		n.remove(dying.rec, store.Reason{Code: store.Expired})
	} else if old != nil {
		ev.Before = old.rec
		if n.bad("announces a replacement as a deletion") {
			n.remove(old.rec, store.Reason{Code: store.Deregistered})
			ev.Before = nil
		}
	}
	rev := n.publish(ev)
	rec.Changed = rev.Number
	if old != nil {
		n.bury(old.rec, store.Reason{Code: store.Replaced, Actor: g.Why.Actor, Node: g.Why.Node}, rev)
	}
	n.recs[in.Key] = h
	n.wake()
	return &rec, nil
}

// granted rounds a TTL up to milliseconds.
func (n *naive) granted(ttl time.Duration) time.Duration {
	if n.bad("rounds down") {
		return ttl.Truncate(time.Millisecond)
	}
	up := (ttl + time.Millisecond - 1).Truncate(time.Millisecond)
	if up < ttl && !n.bad("wraps around") {
		return ttl // there is no multiple above it
	}
	return up
}

// refuses gives the error of a condition that does not hold.
func (n *naive) refuses(old *held, key store.Key, cond store.Condition) error {
	switch {
	case cond.Absent && old != nil && !n.bad("ignores absent"):
		return store.ErrConflict
	case cond.Lease != 0 && (old == nil || old.rec.Lease != cond.Lease) && !n.bad("ignores the lease of conditions"):
		return store.ErrConflict
	case cond.Generation == 0:
		return nil
	case !cond.Absent && (old == nil || old.rec.Generation != cond.Generation) && !n.bad("ignores the generation of conditions"):
		return store.ErrConflict
	case !cond.Absent:
		return nil
	}
	for _, stone := range n.remembered(key) {
		if stone.Record.Generation > cond.Generation && !n.bad("resurrects what has a successor") {
			return store.ErrLeaseLost
		}
		same := stone.Record.Generation == cond.Generation || n.bad("never forgives")
		if same && stone.Reason.Meant() && !n.bad("resurrects what was meant to die") {
			return store.ErrLeaseLost
		}
	}
	return nil
}

// held gives the record that a ref may change.
func (n *naive) held(ref store.Ref) (*held, error) {
	h := n.live(ref.Key)
	switch {
	case h == nil && len(n.remembered(ref.Key)) > 0 && ref.Lease != 0:
		return nil, store.ErrLeaseLost
	case h == nil:
		return nil, store.ErrNotFound
	case ref.Lease == 0 && !n.bad("forces nothing"):
		return h, nil
	case ref.Lease == h.rec.Lease, n.bad("fences nothing"):
		return h, nil
	case n.bad("takes any live lease"):
		for _, other := range n.recs {
			if other.rec.Lease == ref.Lease {
				return h, nil
			}
		}
	}
	return nil, store.ErrLeaseLost
}

// during tells whether the condition holds that a ref makes of another record.
func (n *naive) during(ref store.Ref) bool {
	if ref.While == nil || n.bad("writes at any time") {
		return true
	}
	h := n.live(ref.While.Key)
	return h != nil && ref.While.Lease != 0 && (h.rec.Lease == ref.While.Lease || n.bad("takes any lease of the other"))
}

func (d *node) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	if err := d.guard(ctx, "renew", store.Key{}); err != nil {
		return nil, err
	}
	n := d.n
	defer n.mu.Unlock()
	out := make([]store.Renewal, len(refs))
	for i, ref := range refs {
		h, err := n.held(ref)
		if late := n.recs[ref.Key]; err != nil && late != nil && late.rec.Lease == ref.Lease && n.bad("renews what is over") {
			h, err = late, nil
		}
		if err != nil {
			out[i].Err = d.err("renew", ref.Key, err)
			continue
		}
		out[i].TTL = h.rec.TTL
		if !h.end.IsZero() && !n.bad("acknowledges without renewing") {
			h.end = time.Now().Add(h.rec.TTL)
		}
		if n.bad("announces renewals") {
			next := *h.rec
			n.publish(store.Event{Record: &next, Before: h.rec, Reason: store.Reason{Code: store.Updated}})
			h.rec = &next
		}
		if n.bad("moves the revision on renewal") {
			n.number++
		}
	}
	if n.bad("mixes results up") {
		slices.Reverse(out)
	}
	n.wake()
	return out, nil
}

func (d *node) Update(ctx context.Context, ref store.Ref, why store.Reason, change func(*store.Record) error) (*store.Record, error) {
	if err := d.guard(ctx, "update", ref.Key); err != nil {
		return nil, err
	}
	n := d.n
	defer n.mu.Unlock()
	h, err := n.held(ref)
	if err != nil {
		return nil, d.err("update", ref.Key, err)
	}
	old := h.rec
	next := *old
	to := &next
	if n.bad("updates in place") {
		to = old
	}
	if n.bad("loses updates") {
		n.mu.Unlock()
		runtime.Gosched()
		n.mu.Lock()
	}
	if err := change(to); err != nil {
		if n.bad("wraps the caller's error") {
			err = fmt.Errorf("update: %w", errors.Join(err))
		}
		return nil, err
	}
	next = *to
	if !n.bad("lets updates change everything") {
		next.Key, next.Lease, next.Generation, next.TTL, next.RegisteredAt = old.Key, old.Lease, old.Generation, old.TTL, old.RegisteredAt
		next.Revision, next.Changed = old.Revision, old.Changed
	}
	if differ(old, &next) == "" && !n.bad("announces no change") {
		return old, nil
	}
	if !n.during(ref) {
		return nil, d.err("update", ref.Key, store.ErrConflict)
	}
	rev := n.publish(store.Event{Record: &next, Before: old, Reason: why})
	if (!old.Instance.Equal(&next.Instance) || n.bad("shows tokens as changes")) && !n.bad("hides changes") {
		next.Changed = rev.Number
	}
	h.rec = &next
	if !h.end.IsZero() && n.bad("renews by updating") {
		h.end = time.Now().Add(next.TTL)
	}
	n.wake()
	return &next, nil
}

func (d *node) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	if err := d.guard(ctx, "deregister", ref.Key); err != nil {
		return store.Revision{}, err
	}
	n := d.n
	defer n.mu.Unlock()
	h, err := n.held(ref)
	if err != nil {
		return store.Revision{}, d.err("deregister", ref.Key, err)
	}
	if !n.during(ref) {
		return store.Revision{}, d.err("deregister", ref.Key, store.ErrConflict)
	}
	rev := n.remove(h.rec, why)
	if n.bad("counts generations from the living") {
		delete(n.gens, ref.Key)
	}
	n.wake()
	return rev, nil
}
