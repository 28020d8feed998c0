package share

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// resyncEvery is how far apart two looks at all instances are, when changes come faster than
// they can be taken.
const resyncEvery = time.Second

// follow keeps the schedule to what the catalog shows and the seats say is this node's.
func (r *Runner) follow(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.opts.Catalog.Warm():
	}
	sub, views := r.opts.Catalog.SubscribeInside()
	defer sub.Close()
	r.reset(views)
	sub.Wrote()
	listed := time.Now()
	var seats <-chan struct{}
	if r.opts.Seat != nil {
		seats = r.opts.Seat.Changed()
		r.reseat()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var resync <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			is := r.doubting(ctx) // so that its end is told
			if r.opts.Seat != nil {
				r.opts.Seat.Say(ctx, r.holdsBack(is))
			}
			continue
		case <-seats:
			r.reseat()
			continue
		case <-resync:
			resync, listed = nil, time.Now()
			r.reset(sub.Resync())
		case <-sub.Wake():
			changes, err := sub.Take()
			if errors.Is(err, catalog.ErrLagged) {
				if resync == nil {
					resync = time.After(time.Until(listed.Add(resyncEvery)))
				}
				continue
			}
			r.apply(changes)
		}
		sub.Wrote()
	}
}

// reset takes what the catalog shows for all that there is.
func (r *Runner) reset(views []catalog.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	shown := make(map[store.Key]bool, len(r.known))
	for _, v := range views {
		for item := range v.Items("") {
			if p := item.Packed(); p.HasCheck() {
				rec := p.Record()
				shown[rec.Key] = true
				r.put(rec.Key, rec)
			}
		}
	}
	for key := range r.known {
		if !shown[key] {
			r.put(key, nil)
		}
	}
}

func (r *Runner) apply(changes []*catalog.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ch := range changes {
		switch {
		case ch.After == nil:
			r.put(ch.Before.Key(), nil)
		case ch.After.HasCheck():
			r.put(ch.After.Key(), ch.After.Record())
		default:
			r.put(ch.After.Key(), nil)
		}
	}
}

// reseat divides the instances anew.
func (r *Runner) reseat() {
	v := r.opts.Seat.View()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.view, r.circle = v, circleOf(v.Nodes)
	for key, s := range r.known {
		r.place(key, s, false)
	}
}

// put notes the record of an instance, nil for none. It needs the mutex, as does place.
func (r *Runner) put(key store.Key, rec *store.Record) {
	s := r.known[key]
	if rec == nil || rec.Instance.Check == nil {
		if s != nil {
			r.remove(key, s)
			delete(r.known, key)
		}
		return
	}
	if s == nil {
		s = &subject{}
		r.known[key] = s
	}
	before := s.rec
	s.rec = rec
	if before != nil && anew(before, rec) {
		if s.found != passing || !goesOn(before, rec) {
			s.found = nothing
		}
		s.withheld, s.markedAt = false, 0
		r.spare(s, false)
		r.doubt.forget(key)
	}
	r.place(key, s, before == nil || differs(before, rec))
}

// place has an instance checked that is this node's, and no other.
func (r *Runner) place(key store.Key, s *subject, changed bool) {
	was := s.mine
	if s.mine = r.view.Nodes != nil && r.circle.owner(key) == r.view.Self; !s.mine {
		if was {
			r.remove(key, s)
		}
		return
	}
	if !was || changed {
		r.schedule.Set(target(s.rec))
	}
	// Somebody wrote something else than this node found: an earlier node, or the holder who
	// registered again what had passed.
	f := registry.Finding{Passing: s.found == passing}
	if s.found != nothing && !s.withheld && !f.Says(&s.rec.Instance) {
		r.schedule.Retell(key)
	}
}

func (r *Runner) remove(key store.Key, s *subject) {
	r.schedule.Remove(key)
	r.doubt.forget(key)
	s.mine, s.found, s.withheld, s.markedAt = false, nothing, false, 0
	r.spare(s, false)
}

// anew tells whether what was found of the one record says nothing of the other.
func anew(a, b *store.Record) bool {
	x, y := &a.Instance, &b.Instance
	return a.Generation != b.Generation || x.Address != y.Address || x.Port != y.Port || !store.SameCheck(x.Check, y.Check)
}

// goesOn tells whether the one record was registered again as what it was, and passes: the schedule
// then goes on with it.
func goesOn(a, b *store.Record) bool {
	same := *a
	same.Generation = b.Generation
	return b.Instance.Health != store.HealthFailing && !anew(&same, b)
}

// differs tells whether two records give different targets.
func differs(a, b *store.Record) bool {
	return anew(a, b) || a.Owner != b.Owner || a.Instance.Protocol != b.Instance.Protocol ||
		a.Instance.Health != b.Instance.Health || a.Instance.Unchecked() != b.Instance.Unchecked()
}

func target(rec *store.Record) check.Target {
	in := &rec.Instance
	unseen := in.Unchecked()
	return check.Target{Key: rec.Key, Generation: rec.Generation, Address: in.Address, Port: in.Port,
		TLS: registry.ChecksOverTLS(in), Owner: rec.Owner, Check: *in.Check,
		Unseen: unseen, Failing: !unseen && in.Health == store.HealthFailing}
}
