package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/store"
)

var walkSpecs = []spec{
	{name: "walk/without-time", prove: func(e *env) { e.walk(1, 1500, false) }},
	{name: "walk/with-time", prove: func(e *env) { e.walk(2, 4000, true) }, needs: []need{needFakeTime}},
	{name: "walk/with-time-again", prove: func(e *env) { e.walk(3, 4000, true) }, needs: []need{needFakeTime}},
}

// walker does random things to a few keys and knows what must come of each.
type walker struct {
	*env
	rng  *rand.Rand
	live map[store.Key]*store.Record
	ends map[store.Key]time.Time // of the leases of live records
	refs map[store.Key]store.Ref // the last ref of each key, good or not
}

// walk does random operations, with time passing or not, and compares every answer with
// what a plain model expects. In the end the feed must tell the same story.
func (e *env) walk(seed uint64, steps int, timed bool) {
	w := &walker{
		env: e, rng: rand.New(rand.NewPCG(seed, 7)),
		live: map[store.Key]*store.Record{}, ends: map[store.Key]time.Time{}, refs: map[store.Key]store.Ref{},
	}
	f, err := e.newFollower(e.s, store.Selector{})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(f.c.close)
	for i := range steps {
		if timed {
			w.pass()
		}
		key := store.InstanceKey("user", fmt.Sprint(w.rng.IntN(6)))
		what := w.rng.IntN(6)
		if err := w.step(what, key, timed); err != nil {
			e.t.Fatalf("step %d of the walk %d, %d on %v: %v", i, seed, what, key, err)
		}
	}
	if timed {
		e.advance(e.unit + e.caps.ExpiryLag) // so that what is hidden is announced too
		w.forget()
	}
	mark := e.mark(store.Selector{})
	w.live[mark.Key] = mark
	if err := f.readTo(mark.Key); err != nil {
		e.t.Fatal(err)
	}
	v, err := f.view()
	if err != nil {
		e.t.Fatal(err)
	}
	final := e.list(store.Selector{})
	if why := v.differs(final); why != "" {
		e.t.Errorf("the feed ends with another state than the store: %s", why)
	}
	if why := view(w.live).differs(final); why != "" {
		e.t.Errorf("the model ends with another state than the store: %s", why)
	}
}

// pass lets some time pass, and never stops where a lease is just about to end.
func (w *walker) pass() {
	w.advance(time.Duration(w.rng.Int64N(int64(w.unit / 4))))
	for close := true; close; {
		close = false
		for _, end := range w.ends {
			if d := time.Until(end); d > -2*time.Millisecond && d < 2*time.Millisecond {
				close = true
				w.advance(3 * time.Millisecond)
			}
		}
	}
	w.forget()
}

// forget drops from the model what has run out.
func (w *walker) forget() {
	for key, end := range w.ends {
		if time.Now().After(end) {
			delete(w.live, key)
			delete(w.ends, key)
		}
	}
}

// took notes a record and the end of its lease.
func (w *walker) took(rec *store.Record, renewed bool) {
	w.live[rec.Key], w.refs[rec.Key] = rec, rec.Ref()
	if rec.Lease == 0 {
		delete(w.ends, rec.Key)
	} else if renewed {
		w.ends[rec.Key] = time.Now().Add(rec.TTL)
	}
}

// step does one thing and checks its outcome.
func (w *walker) step(what int, key store.Key, timed bool) error {
	was, ref := w.live[key], w.refs[key]
	good := was != nil && (ref.Lease == was.Lease || ref.Lease == 0)
	if w.rng.IntN(4) == 0 && ref.Lease != 0 {
		ref.Lease, good = ref.Lease+1_000_003, false
	}
	ref.Key = key
	switch what {
	case 0:
		ttl := lasting
		if timed {
			ttl = time.Duration(w.rng.Int64N(int64(2 * w.unit))).Round(time.Millisecond)
			if ttl == 0 {
				ttl = w.unit
			}
		}
		if w.rng.IntN(8) == 0 {
			ttl = 0
		}
		cond := store.Condition{Absent: w.rng.IntN(3) == 0}
		rec, err := w.s.Register(w.ctx, sample(key), store.Grant{TTL: ttl, If: cond})
		if cond.Absent && was != nil {
			if !errors.Is(err, store.ErrConflict) {
				return fmt.Errorf("register if absent over a live record: %v", err)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if was != nil && rec.Generation <= was.Generation {
			return fmt.Errorf("generation %d follows %d", rec.Generation, was.Generation)
		}
		w.took(rec, true)
	case 1, 2:
		if was != nil && was.Lease == 0 || ref.Lease == 0 {
			return nil // what renewing without a lease does is not said
		}
		r := w.renew(ref)
		if good != (r.Err == nil) {
			return fmt.Errorf("renew of a ref that is good (%v): %v", good, r.Err)
		}
		if good {
			w.took(was, true)
		}
	case 3:
		rec, err := w.s.Update(w.ctx, ref, because(store.Updated), func(r *store.Record) error { r.Instance.PID++; return nil })
		if good != (err == nil) {
			return fmt.Errorf("update under a ref that is good (%v): %v", good, err)
		}
		if good {
			if rec.Instance.PID != was.Instance.PID+1 {
				return fmt.Errorf("PID went from %d to %d", was.Instance.PID, rec.Instance.PID)
			}
			w.took(rec, false)
		}
	case 4:
		if w.rng.IntN(2) == 0 {
			return nil
		}
		_, err := w.s.Deregister(w.ctx, ref, because(store.Deregistered))
		if good != (err == nil) {
			return fmt.Errorf("deregister under a ref that is good (%v): %v", good, err)
		}
		if good {
			delete(w.live, key)
			delete(w.ends, key)
		}
	default:
		got, err := w.s.Get(w.ctx, key)
		if was == nil {
			if !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("get of what is gone: %v", err)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if d := differ(was, got); d != "" {
			return errors.New(d)
		}
		if why := view(w.live).differs(w.list(store.Selector{})); why != "" {
			return errors.New(why)
		}
	}
	return nil
}
