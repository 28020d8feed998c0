package catalog

import (
	"container/heap"
	"time"

	"github.com/roster-sd/roster/store"
)

// graceful is for how long a node that was told of a longer lease waits, at least, for the
// instance to be brought back before anyone sees a difference.
const graceful = 500 * time.Millisecond

// kept is an instance that is shown though the store has let it go. What changes in it
// needs Catalog.write, and mu where readers look.
type kept struct {
	key     store.Key
	rec     *store.Packed // as the store last had it
	seen    Moment        // when its deletion was
	until   Moment        // when it leaves, or is judged again; forever while the disturbance lasts
	suspect bool          // on evidence; false: kept back, as it was, for a moment
	cause   Cause
	acked   Moment // until when the lease was to run, as this node was told; 0: not known
	offered bool   // to TakeEarly
	counted Cause  // as which it is counted; Causes: not
	place   int    // in the heap; -1: in none
}

// count has k counted as kept on a cause, if it is suspect; Causes: no longer. It needs mu.
func (c *Catalog) count(k *kept, as Cause) {
	if k.counted < Causes {
		c.keptBy[k.counted]--
	}
	if k.counted = Causes; k.suspect && as < Causes {
		c.keptBy[as]++
		k.counted = as
	}
}

// ends is a heap of what is kept, by when it ends.
type ends []*kept

func (h ends) Len() int           { return len(h) }
func (h ends) Less(i, j int) bool { return h[i].until < h[j].until }
func (h ends) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}
func (h *ends) Push(x any) {
	k := x.(*kept)
	k.place = len(*h)
	*h = append(*h, k)
}
func (h *ends) Pop() any {
	old := *h
	k := old[len(old)-1]
	old[len(old)-1] = nil
	*h, k.place = old[:len(old)-1], -1
	return k
}

// schedule puts k in its place among the ends. It needs write.
func (c *Catalog) schedule(k *kept) {
	if k.place >= 0 {
		heap.Fix(&c.ends, k.place)
		return
	}
	heap.Push(&c.ends, k)
}

// release takes k out of the ends. It needs write.
func (c *Catalog) release(k *kept) {
	if k.place >= 0 {
		heap.Remove(&c.ends, k.place)
	}
}

// judge decides on an instance that the store says has expired: nil, it leaves at once.
// before gives what is known of its lease.
func (c *Catalog) judge(before *entry, seen Moment) *kept {
	if !c.holds {
		return nil
	}
	k := &kept{key: before.rec.Key(), rec: before.rec, seen: seen, counted: Causes, place: -1}
	now := c.Now()
	if p := before.state.known(before.rec.Lease()); p != nil {
		if until := Moment(p.until.Load()); until > now {
			k.acked = until
		}
	}
	if k.hold(c.evident(k, before.state, now)) {
		return k
	}
	back := c.keepBack
	switch since := Moment(c.brokenSince.Load()); {
	case since != 0:
		// Whether this is an outage will show.
		back = max(back, time.Duration(since.after(noise)-now))
	case k.acked != 0:
		back = max(back, graceful)
	}
	if back <= 0 {
		return nil
	}
	k.until, k.cause = now.after(back), EarlyEnd
	return k
}

// evident looks for evidence by which k is kept from now on: until when, and why; 0 is none.
func (c *Catalog) evident(k *kept, st *state, now Moment) (until Moment, cause Cause) {
	if since := Moment(c.brokenSince.Load()); since != 0 && time.Duration(now-since) >= noise {
		return forever, Outage
	}
	until, cause = c.evidence.until(k.seen, now, k.rec.TTL())
	if p := st.known(k.rec.Lease()); p != nil {
		if at := Moment(p.refused.Load()); at != 0 {
			if end := at.after(min(k.rec.TTL(), maxHold)); end > now && end > until {
				until, cause = end, Refused
			}
		}
	}
	return until, cause
}

// hold keeps k as suspect until a moment, if that is one. Where readers know k it needs mu.
func (k *kept) hold(until Moment, cause Cause) bool {
	if until == 0 {
		return false
	}
	k.until, k.cause, k.suspect = until, cause, true
	return true
}
