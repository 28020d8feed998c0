package catalog

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/roster-sd/roster/store"
)

// audit tells what is wrong with a catalog that nobody writes to meanwhile: its parts must
// agree with each other, and with a list of the store.
func audit(c *Catalog, snap store.Snapshot) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	live := make(map[store.Key]*store.Record, len(snap.Records))
	for _, r := range snap.Records {
		live[r.Key] = r
	}
	queued := make(map[string]bool)
	for _, name := range c.empties {
		queued[name] = true
	}
	total, owned := 0, make(owners)
	for name, s := range c.services {
		if s.name != name {
			return fmt.Errorf("service %q stands under %q", s.name, name)
		}
		if err := s.audit(c.opts.Encode, c.opts.Panic); err != nil {
			return fmt.Errorf("service %q: %w", name, err)
		}
		for e := range s.byID.All() {
			id := e.id()
			if r := live[store.InstanceKey(name, id)]; r == nil || !reflect.DeepEqual(store.Pack(r), e.rec) {
				return fmt.Errorf("%s/%s: the view has %v, the store %v", name, id, e.rec, r)
			}
			owned.add(e.rec)
		}
		total += s.byID.Len()
		if s.byID.Len() == 0 && !s.queued {
			return fmt.Errorf("service %q is empty and would never be forgotten", name)
		}
		if s.queued != queued[name] {
			return fmt.Errorf("service %q: marked as queued %v, queued %v", name, s.queued, queued[name])
		}
		if c.applied.Before(s.changed) || s.changed.Epoch != c.applied.Epoch {
			return fmt.Errorf("service %q changed at %v, ahead of %v", name, s.changed, c.applied)
		}
	}
	if total != len(snap.Records) || total != c.total {
		return fmt.Errorf("%d instances, counted as %d; the store has %d", total, c.total, len(snap.Records))
	}
	if !maps.Equal(owned, c.owners) {
		return fmt.Errorf("instances by owner are %v, counted as %v", owned, c.owners)
	}
	degraded := 0
	for _, s := range c.services {
		degraded += change(false, s.degraded)
	}
	if degraded != c.degraded {
		return fmt.Errorf("%d services are degraded, counted as %d", degraded, c.degraded)
	}
	if c.applied.Before(c.listed) || c.applied.Before(c.floor) {
		return fmt.Errorf("list of %v, floor %v, ahead of %v", c.listed, c.floor, c.applied)
	}
	return nil
}

func (s *service) audit(encode func([]byte, *store.Record) []byte, percent int) error {
	answered, failing := 0, 0
	for e := range s.byID.All() {
		switch tierOf(e.rec) {
		case tierPassing, tierSuspect:
			answered++
		case tierFailing:
			failing++
		}
	}
	if want := panics(answered, failing, percent); s.degraded != want {
		return fmt.Errorf("degraded: %v, with %d that are answered and %d that fail", s.degraded, answered, failing)
	}
	pooled := 0
	for tier := range s.pools {
		p := &s.pools[tier]
		if err := p.audit(); err != nil {
			return fmt.Errorf("pool %d: %w", tier, err)
		}
		for slot, e := range p.entries {
			if e.state.seat != seatAt(int8(tier), int32(slot)) {
				return fmt.Errorf("%s stands in pool %d at %d and thinks %d at %d", e.rec.ID(), tier, slot, e.state.seat.tier(), e.state.seat.slot())
			}
			if s.byID.Get(e.rec.ID()) != e {
				return fmt.Errorf("%s stands in pool %d in a version that is not the last", e.rec.ID(), tier)
			}
		}
		if tier != tierFailing || s.degraded {
			pooled += len(p.entries)
		}
	}
	if pooled != s.up() {
		return fmt.Errorf("%d in pools, %d up", pooled, s.up())
	}
	n, last := 0, ""
	var err error
	s.tree.Scan(func(e *entry) bool {
		id := e.rec.ID()
		switch tier := tierOf(e.rec); {
		case id <= last && n > 0:
			err = fmt.Errorf("%s after %s", id, last)
		case s.byID.Get(id) != e:
			err = fmt.Errorf("%s is another version in the tree than by ID", id)
		case e.state.seat.tier() != tier:
			err = fmt.Errorf("%s belongs in pool %d and is in %d", id, tier, e.state.seat.tier())
		case e.body.Load() != nil && *e.body.Load() != string(encode(nil, e.rec.Record())):
			err = fmt.Errorf("%s is encoded as %s", id, *e.body.Load())
		}
		n, last = n+1, id
		return err == nil
	})
	if err == nil && (n != s.byID.Len() || n != s.tree.Len()) {
		err = fmt.Errorf("%d in the tree, %d by ID", n, s.byID.Len())
	}
	return err
}

// audit compares the Fenwick tree with sums made the long way.
func (p *pool) audit() error {
	if n := len(p.entries); n > 0 && len(p.weights) != n+1 || n == 0 && len(p.weights) > 1 {
		return fmt.Errorf("%d weights for %d entries", len(p.weights), n)
	}
	var sums []uint64
	var sum uint64
	for _, e := range p.entries {
		sum += e.weight()
		sums = append(sums, sum)
	}
	for i := 1; i <= len(p.entries); i++ {
		var got uint64
		for j := i; j > 0; j -= j & -j {
			got += p.weights[j]
		}
		if got != sums[i-1] {
			return fmt.Errorf("the first %d weigh %d, not %d", i, got, sums[i-1])
		}
	}
	if p.total() != sum {
		return fmt.Errorf("total %d, not %d", p.total(), sum)
	}
	return nil
}
