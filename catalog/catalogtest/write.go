package catalogtest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/roster-sd/roster/store"
)

var errInvalid = errors.New("a key has three parts, and a ttl is not negative")

// Register puts a record under a new lease.
func (n *Node) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	if err := n.enter(ctx, "register", in.Key); err != nil {
		return nil, err
	}
	b := n.b
	defer b.mu.Unlock()
	if in.Key.Kind == "" || in.Key.Service == "" || in.Key.ID == "" || grant.TTL < 0 {
		return nil, &store.Error{Op: "register", Backend: name, Key: in.Key, Kind: store.ErrInvalid, Cause: errInvalid}
	}
	old, dying := b.live(in.Key), b.records[in.Key]
	if err := b.refuses(old, in.Key, grant.If); err != nil {
		return nil, fail("register", in.Key, err)
	}
	if dying != nil && old == nil {
		b.number++
		b.remove(dying.rec, store.Reason{Code: store.Expired})
	}
	rec := in
	rec.Instance.Tags, rec.Instance.Metadata = slices.Clone(in.Instance.Tags), slices.Clone(in.Instance.Metadata)
	if grant.Why.Code = store.Registered; grant.If.Absent && grant.If.Generation != 0 {
		grant.Why.Code, rec.Generation = store.Resurrected, grant.If.Generation
	} else {
		rec.Generation, rec.RegisteredAt = b.lives[in.Key]+1, store.Now()
	}
	b.lives[in.Key] = max(b.lives[in.Key], rec.Generation)
	l := &lessee{rec: &rec}
	rec.Lease, rec.TTL = 0, grant.TTL
	if up := (grant.TTL + time.Millisecond - 1).Truncate(time.Millisecond); up > rec.TTL {
		rec.TTL = up
	}
	if grant.TTL > 0 {
		b.leases++
		rec.Lease, l.end = store.LeaseID(b.leases), time.Now().Add(rec.TTL)
	}
	ev := store.Event{Record: &rec, Reason: grant.Why}
	b.number++
	if old != nil {
		ev.Before = old.rec
	}
	rev := b.publish(ev)
	rec.Changed = rev.Number
	if old != nil {
		b.bury(old.rec, store.Reason{Code: store.Replaced, Actor: grant.Why.Actor, Node: grant.Why.Node}, rev)
	}
	b.records[in.Key] = l
	b.wake()
	return &rec, nil
}

// refuses gives the error of a condition that does not hold.
func (b *Backend) refuses(old *lessee, key store.Key, cond store.Condition) error {
	switch {
	case cond.Absent && old != nil,
		cond.Lease != 0 && (old == nil || old.rec.Lease != cond.Lease),
		cond.Generation != 0 && !cond.Absent && (old == nil || old.rec.Generation != cond.Generation):
		return store.ErrConflict
	case cond.Generation == 0 || !cond.Absent:
		return nil
	}
	for _, s := range b.remembered(key) {
		if g := s.Record.Generation; g > cond.Generation || g == cond.Generation && s.Reason.Meant() {
			return store.ErrLeaseLost
		}
	}
	return nil
}

// held gives the record that a ref may change.
func (b *Backend) held(ref store.Ref) (*lessee, error) {
	l := b.live(ref.Key)
	switch {
	case l == nil && (len(b.remembered(ref.Key)) > 0 || b.records[ref.Key] != nil) && ref.Lease != 0:
		return nil, store.ErrLeaseLost
	case l == nil:
		return nil, store.ErrNotFound
	case ref.Lease == 0 || ref.Lease == l.rec.Lease:
		return l, nil
	}
	return nil, store.ErrLeaseLost
}

// during tells whether the condition holds that a ref makes of another record.
func (b *Backend) during(ref store.Ref) bool {
	if ref.While == nil {
		return true
	}
	l := b.live(ref.While.Key)
	return l != nil && ref.While.Lease != 0 && l.rec.Lease == ref.While.Lease
}

// Renew starts the TTL of each lease anew.
func (n *Node) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	if err := n.enter(ctx, "renew", store.Key{}); err != nil {
		return nil, err
	}
	defer n.b.mu.Unlock()
	out := make([]store.Renewal, len(refs))
	for i, ref := range refs {
		l, err := n.b.held(ref)
		if err != nil {
			out[i].Err = fail("renew", ref.Key, err)
			continue
		}
		if out[i].TTL = l.rec.TTL; !l.end.IsZero() {
			l.end = time.Now().Add(l.rec.TTL)
		}
	}
	n.b.wake()
	return out, nil
}

// Update changes a copy of the record.
func (n *Node) Update(ctx context.Context, ref store.Ref, why store.Reason, change func(*store.Record) error) (*store.Record, error) {
	if why.Code == "" {
		why.Code = store.Updated
	}
	if err := n.enter(ctx, "update", ref.Key); err != nil {
		return nil, err
	}
	defer n.b.mu.Unlock()
	l, err := n.b.held(ref)
	if err != nil {
		return nil, fail("update", ref.Key, err)
	}
	old := l.rec
	next := *old
	next.Instance.Tags, next.Instance.Metadata = slices.Clip(next.Instance.Tags), slices.Clip(next.Instance.Metadata)
	if err := change(&next); err != nil {
		return nil, err
	}
	changed := next
	next = *old
	next.Owner, next.Tokens, next.Process, next.Instance = changed.Owner, changed.Tokens, changed.Process, changed.Instance
	visible := !next.Instance.Equal(&old.Instance)
	if !visible && next.Tokens == old.Tokens && next.Owner == old.Owner && next.Process == old.Process {
		return old, nil
	}
	if !n.b.during(ref) {
		return nil, fail("update", ref.Key, store.ErrConflict)
	}
	n.b.number++
	rev := n.b.publish(store.Event{Record: &next, Before: old, Reason: why})
	if visible {
		next.Changed = rev.Number
	}
	l.rec = &next
	n.b.wake()
	return &next, nil
}

// Deregister removes the record that ref names.
func (n *Node) Deregister(ctx context.Context, ref store.Ref, why store.Reason) (store.Revision, error) {
	if why.Code == "" {
		why.Code = store.Deregistered
	}
	if err := n.enter(ctx, "deregister", ref.Key); err != nil {
		return store.Revision{}, err
	}
	defer n.b.mu.Unlock()
	l, err := n.b.held(ref)
	if err != nil {
		return store.Revision{}, fail("deregister", ref.Key, err)
	}
	if !n.b.during(ref) {
		return store.Revision{}, fail("deregister", ref.Key, store.ErrConflict)
	}
	n.b.number++
	rev := n.b.remove(l.rec, why)
	n.b.wake()
	return rev, nil
}
