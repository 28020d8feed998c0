package registry

import (
	"context"
	"slices"
	"sync"

	"github.com/roster-sd/roster/store"
)

// batch is the heartbeats of one call.
type batch struct {
	r      *Registry
	ctx    context.Context
	ask    asking
	beats  []Beat
	tokens []signature // aligned with beats; nil: they stand in them
	out    []Beaten    // aligned with beats
	room   *room

	mu    sync.Mutex
	wrote map[string]store.Revision // by service, what is yet to become visible
}

// Heartbeats renews many leases in one call to the store. The outcomes align with the
// beats, and one that fails spoils no other. What the view does not know is asked of the
// store with several calls at once, those of one instance in their order.
func (r *Registry) Heartbeats(ctx context.Context, c Caller, beats []Beat) []Beaten {
	return r.renewAll(ctx, c, beats, nil, make([]Beaten, len(beats)))
}

// HeartbeatsOf is [Registry.Heartbeats] of the beats that were added to a batch. The outcomes are
// valid until the batch is used again.
func (r *Registry) HeartbeatsOf(ctx context.Context, c Caller, x *Batch) []Beaten {
	n := len(x.beats)
	x.out = slices.Grow(x.out[:0], n)[:n]
	clear(x.out)
	return r.renewAll(ctx, c, x.beats, x.tokens, x.out)
}

func (r *Registry) renewAll(ctx context.Context, c Caller, beats []Beat, tokens []signature, out []Beaten) []Beaten {
	c = c.named()
	b := &batch{r: r, ctx: ctx, ask: asking{caller: c}, beats: beats, tokens: tokens, out: out, room: rooms.Get().(*room)}
	known, hard := b.prepare()
	known, hard = b.firstUses(known, hard)
	hard, down := b.renew(known, hard)
	b.askAll(hard, down)
	r.allVisible(ctx, b.wrote)
	b.auditLimited()
	b.room.release()
	return out
}

// firstUses writes the first uses of newest tokens, and gives the items that are ready to
// be renewed, and the hard ones with those among them.
func (b *batch) firstUses(known, hard []item) (ready, harder []item) {
	var first map[store.Key]bool
	for i := range known {
		if known[i].first {
			if first == nil {
				first = make(map[store.Key]bool)
			}
			first[known[i].Packed.Key()] = true
		}
	}
	if first == nil {
		return known, hard
	}
	return b.write(first, known, hard)
}

// write writes the first uses of the instances named. All items of such an instance take
// part: the first use ends the older token for those that come after it, and for them only.
func (b *batch) write(first map[store.Key]bool, known, hard []item) (ready, harder []item) {
	r, c := b.r, b.ask.caller
	var concerned []item
	ready = known[:0]
	for _, it := range known {
		if first[it.Packed.Key()] {
			concerned = append(concerned, it)
		} else {
			ready = append(ready, it)
		}
	}
	groups := b.byInstance(concerned)
	lost := spreadLost(spread(len(groups), func(i int) error {
		var current *store.Packed // once it was written
		for _, it := range groups[i] {
			if current != nil {
				if it.Packed = current; !c.Holder && !r.verdict(current.Tokens(), it.digest).OK() {
					b.locked(func() { hard = append(hard, it) }) // the token was ended by an item before
					continue
				}
			}
			rec, err := r.used(b.ctx, c, it.Packed, it.digest)
			switch {
			case err == nil:
				if rec != it.Packed {
					b.written(rec)
					current = rec
				}
				it.Packed = rec
				b.locked(func() { ready = append(ready, it) })
			case raced(err):
				b.locked(func() { hard = append(hard, it) })
			default:
				r.refused(c, it.Packed.Key(), it.digest, err)
				b.out[it.at].Err = failed(err)
				if unreachable(err) {
					b.fail(groups[i], it.at, err)
					return err
				}
			}
		}
		return nil
	}))
	for i, err := range lost {
		b.fail(groups[i], -1, err)
	}
	return ready, hard
}

// spreadLost gives the things that spread did not do, with the reason.
func spreadLost(undone []error) map[int]error {
	lost := make(map[int]error)
	for i, err := range undone {
		if err != nil {
			lost[i] = err
		}
	}
	return lost
}

// fail fails the items of a group that come after a place in the batch.
func (b *batch) fail(items []item, after int, err error) {
	for _, it := range items {
		if it.at > after {
			beat := &b.beats[it.at]
			b.r.refused(b.ask.caller, store.InstanceKey(beat.Service, beat.ID), it.digest, err)
			b.out[it.at].Err = failed(err)
		}
	}
}

// askAll asks the store about the hard items. down: it is known not to answer.
func (b *batch) askAll(hard []item, down error) {
	if len(hard) == 0 {
		return
	}
	slices.SortFunc(hard, func(x, y item) int { return x.at - y.at })
	groups := b.byInstance(hard)
	if down != nil {
		for _, items := range groups {
			b.fail(items, -1, down)
		}
		return
	}
	lost := spreadLost(spread(len(groups), func(i int) error {
		for _, it := range groups[i] {
			out, err := b.r.persist(b.ctx, &b.ask, b.beats[it.at], it.digest, func(rev store.Revision) {
				b.wroteAt(b.beats[it.at].Service, rev)
			})
			out.Err = err
			if b.out[it.at] = out; unreachable(err) {
				b.fail(groups[i], it.at, err)
				return err
			}
		}
		return nil
	}))
	for i, err := range lost {
		b.fail(groups[i], -1, err)
	}
}

// byInstance puts items together that are of one instance, in their order.
func (b *batch) byInstance(items []item) [][]item {
	place := make(map[store.Key]int, len(items))
	groups := make([][]item, 0, len(items))
	for _, it := range items {
		key := store.InstanceKey(b.beats[it.at].Service, b.beats[it.at].ID)
		i, ok := place[key]
		if !ok {
			i = len(groups)
			place[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], it)
	}
	return groups
}

func (b *batch) locked(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *batch) written(rec *store.Packed) { b.wroteAt(rec.Service(), rec.Revision()) }

// wroteAt notes the last write to a service.
func (b *batch) wroteAt(service string, rev store.Revision) {
	b.locked(func() {
		if b.wrote == nil {
			b.wrote = make(map[string]store.Revision)
		}
		if old, ok := b.wrote[service]; !ok || old.Epoch != rev.Epoch || old.Before(rev) {
			b.wrote[service] = rev
		}
	})
}
