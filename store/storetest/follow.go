package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/roster-sd/roster/store"
)

var followSpecs = []spec{
	{name: "follow/no-gap-no-repeat", prove: followNoGap},
	{name: "follow/snapshots-are-of-one-moment", prove: followSnapshots},
	{name: "follow/through-expiry", prove: followExpiry},
}

// churn writes n times at random into keys that are its own: it registers, replaces,
// updates, renews and removes.
func (e *env) churn(s store.Store, seed uint64, n int, p *pace) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	live := map[store.Key]store.Ref{}
	for i := range n {
		p.wait()
		// Keys are this writer's, services are everybody's.
		key := store.InstanceKey(fmt.Sprint("user-", rng.IntN(3)), fmt.Sprintf("%d-%d", seed, rng.IntN(6)))
		ref, known := live[key]
		var err error
		switch what := rng.IntN(10); {
		case !known || what == 0:
			in := sample(key)
			in.Instance.PID = i + 1
			var rec *store.Record
			if rec, err = s.Register(e.ctx, in, store.Grant{TTL: lasting, Why: alice}); err == nil {
				live[key] = rec.Ref()
			}
		case what < 6:
			_, err = s.Update(e.ctx, ref, because(store.Updated), func(r *store.Record) error { r.Instance.PID = i + 1; return nil })
		case what < 8:
			_, err = s.Renew(e.ctx, []store.Ref{ref})
		default:
			_, err = s.Deregister(e.ctx, ref, because(store.Deregistered))
			delete(live, key)
		}
		if err != nil {
			return fmt.Errorf("write %d of writer %d: %w", i, seed, err)
		}
	}
	return nil
}

// follower is a reader that lists, then watches from the list's revision.
type follower struct {
	snap store.Snapshot
	sel  store.Selector
	c    *cursor
	feed []store.Event
}

func (e *env) newFollower(s store.Store, sel store.Selector) (*follower, error) {
	snap, err := s.List(e.ctx, sel)
	if err != nil {
		return nil, err
	}
	w, err := s.Watch(e.ctx, sel, snap.Revision)
	if err != nil {
		return nil, err
	}
	return &follower{snap: snap, sel: sel, c: &cursor{e: e, w: w, sel: sel, last: snap.Revision}}, nil
}

// readTo reads until an event of the mark has been seen.
func (f *follower) readTo(mark store.Key) error {
	for {
		events, err := f.c.next(f.c.e.h.Patience)
		if err != nil {
			return err
		}
		f.feed = append(f.feed, events...)
		for i := range events {
			if events[i].Key() == mark {
				return nil
			}
		}
	}
}

// view gives what the follower knows after all that it read.
func (f *follower) view() (view, error) {
	v := viewOf(f.snap)
	for _, ev := range f.feed {
		if why := v.apply(ev); why != "" {
			return nil, fmt.Errorf("from the list at %v: %s", f.snap.Revision, why)
		}
	}
	return v, nil
}

// Readers that join at any moment while several write all end with what the store has,
// having seen exactly what one who watched from the beginning saw after their list.
func followNoGap(e *env) { e.followsAll([]store.Store{e.s}, []store.Store{e.s}) }

// followsAll lets writers on some stores and followers on others run at once and
// compares what they saw.
func (e *env) followsAll(writers, readers []store.Store) {
	const perStore, writes = 4, 120
	master, err := e.newFollower(readers[0], store.Selector{})
	if err != nil {
		e.t.Fatal(err)
	}
	var mu sync.Mutex
	followers := []*follower{master}
	total := perStore * len(writers)
	p := newPace(total, len(readers))
	errs := atOnce(total+len(readers), func(i int) error {
		if i < total {
			defer p.writerLeaves()
			return e.churn(writers[i%len(writers)], uint64(i+1), writes, p)
		}
		defer p.readerLeaves()
		s := readers[i-total]
		for k := 0; p.more(20); k++ {
			sel := store.Selector{}
			if k%3 == 1 {
				sel.Service = "user-1"
			}
			f, err := e.newFollower(s, sel)
			if err != nil {
				return err
			}
			mu.Lock()
			followers = append(followers, f)
			mu.Unlock()
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Fatal(err)
	}
	mark := e.put(store.InstanceKey("user-1", "the-end"), lasting)
	final := e.list(store.Selector{})
	for _, f := range followers {
		if err := f.readTo(mark.Key); err != nil {
			e.t.Fatal(err)
		}
	}
	for _, f := range followers {
		e.sawTheRest(master, f, final)
		if err := f.c.w.Close(); err != nil {
			e.t.Errorf("Watcher.Close: %v", err)
		}
	}
}

// sawTheRest checks a follower against the one that saw everything and the final list.
func (e *env) sawTheRest(master, f *follower, final store.Snapshot) {
	e.t.Helper()
	var want []store.Event
	for _, ev := range master.feed {
		if f.snap.Revision.Before(ev.Revision) && f.sel.Matches(ev.Key()) {
			want = append(want, ev)
		}
	}
	if why := sameFeed(want, f.feed); why != "" {
		e.t.Fatalf("from the list at %v: %s", f.snap.Revision, why)
	}
	v, err := f.view()
	if err != nil {
		e.t.Fatal(err)
	}
	selected := store.Snapshot{Revision: final.Revision}
	for _, rec := range final.Records {
		if f.sel.Matches(rec.Key) {
			selected.Records = append(selected.Records, rec)
		}
	}
	if why := v.differs(selected); why != "" {
		e.t.Fatalf("list at %v and what followed end with another state than the store's: %s", f.snap.Revision, why)
	}
}
