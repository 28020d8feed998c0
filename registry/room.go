package registry

import (
	"sync"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// item is a beat that was prepared: with its instance, or, as a hard one, without.
type item struct {
	catalog.Handle
	digest [32]byte
	at     int  // in the batch
	first  bool // it is the first use of the newest token
}

// room is what the items of a batch need on their way, reused between batches.
type room struct {
	found   []catalog.Found
	known   []item
	refs    []store.Ref
	handles []catalog.Handle
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// release gives the room back, empty: it must not keep alive what has left.
func (x *room) release() {
	clear(x.found[:cap(x.found)]) // of a portion
	clear(x.known)
	clear(x.refs)
	clear(x.handles)
	x.known, x.refs, x.handles = x.known[:0], x.refs[:0], x.handles[:0]
	rooms.Put(x)
}

// portion is how many items do a step before any of them does the next: enough for their
// waits for memory to overlap, and few enough for what they fetched to be in the cache still.
const portion = 256

// prepare checks the beats. Those known are ready to be renewed; hard are those that the
// catalog alone does not answer.
func (b *batch) prepare() (known, hard []item) {
	x := b.room
	known = x.known[:0]
	for from := 0; from < len(b.beats); from += portion {
		known, hard = b.prepareSome(from, min(from+portion, len(b.beats)), known, hard)
	}
	x.known = known
	return known, hard
}

func (b *batch) prepareSome(from, to int, known, hard []item) (k, h []item) {
	r, x, first := b.r, b.room, len(known)
	x.found = x.found[:0]
	// Asked before the view is: afterwards it may have caught up with what it did not show then.
	_, stale := r.catalog.Stale()
	for i := from; i < to; i++ {
		beat := &b.beats[i]
		digest, err := b.check(i)
		switch {
		case err != nil:
			b.out[i].Err = err
		case stale || r.lags(beat.Service):
			hard = append(hard, item{digest: digest, at: i})
		default:
			known = append(known, item{digest: digest, at: i})
			x.found = append(x.found, catalog.Found{Service: beat.Service, ID: beat.ID})
		}
	}
	r.catalog.FindAll(x.found)
	now, kept := r.millis(), known[:first]
	for i, it := range known[first:] {
		if it.Handle = x.found[i].Handle; b.may(&it, now) {
			kept = append(kept, it)
		} else {
			it.Handle = catalog.Handle{}
			hard = append(hard, it)
		}
	}
	return kept, hard
}

// check checks what can be of a beat without knowing the instance, and gives the digest of the
// token.
func (b *batch) check(i int) (digest [32]byte, err error) {
	c, beat := b.ask.caller, &b.beats[i]
	if b.tokens == nil {
		if err = b.r.mayBeat(b.ctx, c, beat); err == nil {
			digest, err = b.r.digestOf(b.ctx, c, store.InstanceKey(beat.Service, beat.ID), beat.Token)
		}
		return digest, err
	}
	if err = b.r.authorise(b.ctx, c, auth.Register, beat.Service); err == nil && !c.Holder {
		digest = b.tokens[i]
	}
	return digest, err
}

// may tells whether the instance of an item is there and its token good, as the view shows it.
func (b *batch) may(it *item, now store.Millis) bool {
	switch c := &b.ask.caller; {
	case it.Packed == nil:
		return false
	case c.Holder:
		return true
	case it.Packed.Owner() != c.Identity:
		return false
	}
	tokens := it.Packed.Tokens()
	v := b.r.verdictAt(&tokens, &it.digest, now)
	it.first = v == auth.ValidNewest
	return v.OK()
}

// renew renews the leases of the items in one call, and gives the hard ones with those that
// turned out to be, and the error of a store that is out of reach.
func (b *batch) renew(ready, hard []item) (harder []item, down error) {
	if len(ready) == 0 {
		return hard, nil
	}
	r, x := b.r, b.room
	x.refs, x.handles = x.refs[:0], x.handles[:0]
	for i := range ready {
		x.refs = append(x.refs, ready[i].Packed.Ref())
	}
	sent := r.sent()
	renewals, err := r.store.Renew(b.ctx, x.refs)
	if err != nil {
		for i := range ready {
			it := &ready[i]
			r.refused(b.ask.caller, it.Packed.Key(), it.digest, err)
			b.out[it.at].Err = failed(err)
		}
		if unreachable(err) {
			down = err
		}
		return hard, down
	}
	for i := range ready {
		it := &ready[i]
		if renewals[i].Err != nil {
			hard = append(hard, *it)
			continue
		}
		x.handles = append(x.handles, it.Handle)
		b.out[it.at] = Beaten{TTL: renewals[i].TTL, TokenExpires: it.expires()}
	}
	r.stats.Renewed.Add(uint64(len(x.handles)))
	catalog.HeardAll(x.handles, r.millis())
	for i := range ready {
		if it := &ready[i]; renewals[i].Err == nil {
			r.toldOf(b.ctx, b.ask.caller, it.Handle, sent, renewals[i].TTL)
		}
	}
	return hard, nil
}

// expires gives when the token that was used expires.
func (it *item) expires() store.Millis {
	tokens := it.Packed.Tokens()
	return expiresOf(&tokens, it.digest)
}
