package storetest

import (
	"errors"
	"sync"

	"github.com/roster-sd/roster/store"
)

var racerSpecs = []spec{
	{name: "race/absent", prove: raceAbsent},
	{name: "race/lease", prove: raceLease},
	{name: "race/generation", prove: raceGeneration},
	{name: "race/resurrection", prove: raceResurrection},
	{name: "race/deregister", prove: raceDeregister},
	{name: "race/update-against-register", prove: raceUpdateRegister},
}

// racers is how many goroutines do the same thing at once.
const racers = 12

// at once runs f in n goroutines that start together and gives their errors, by number.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	done.Wait()
	return errs
}

// oneWins checks that exactly one call succeeded and that the others were told why not.
func (e *env) oneWins(errs []error, lost error, doing string) int {
	e.t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			e.t.Fatalf("%s: two of %d won", doing, len(errs))
		case err == nil:
			winner = i
		case !errors.Is(err, lost):
			e.t.Fatalf("%s: a loser was told %v, want %v", doing, err, lost)
		}
	}
	if winner < 0 {
		e.t.Fatalf("%s: none of %d won", doing, len(errs))
	}
	return winner
}

// registerRace lets racers register under one condition, round after round.
func (e *env) registerRace(rounds int, key store.Key, cond func() store.Condition) {
	e.t.Helper()
	for range rounds {
		won := make([]*store.Record, racers)
		this := cond()
		c := e.fromNow()
		errs := atOnce(racers, func(i int) (err error) {
			in := sample(key)
			in.Instance.Port = uint16(1000 + i)
			won[i], err = e.s.Register(e.ctx, in, store.Grant{TTL: lasting, If: this})
			return err
		})
		i := e.oneWins(errs, store.ErrConflict, "Register by racers")
		if won[i].Instance.Port != uint16(1000+i) {
			e.t.Fatalf("racer %d won with the record of another", i)
		}
		e.alive(won[i])
		if n := len(c.all()); n != 1 {
			e.t.Fatalf("%d events of one registration that won", n)
		}
		c.close()
	}
}

func raceAbsent(e *env) {
	key := store.InstanceKey("user", "1")
	e.registerRace(5, key, func() store.Condition {
		if rec, err := e.s.Get(e.ctx, key); err == nil {
			e.deregister(rec.Ref(), because(store.Deregistered))
		}
		return store.Condition{Absent: true}
	})
}

func raceLease(e *env) {
	key := store.InstanceKey("user", "1")
	e.put(key, lasting)
	e.registerRace(5, key, func() store.Condition { return store.Condition{Lease: e.get(key).Lease} })
}

func raceGeneration(e *env) {
	key := store.InstanceKey("user", "1")
	e.put(key, lasting)
	e.registerRace(5, key, func() store.Condition { return store.Condition{Generation: e.get(key).Generation} })
}

// Of nodes that bring the same instance back, one does; the others learn that it is there.
func raceResurrection(e *env) {
	old := e.expired(store.InstanceKey("user", "1"))
	backs := make([]*store.Record, racers)
	errs := atOnce(racers, func(i int) (err error) {
		backs[i], err = e.resurrect(old.Key, old.Generation, old.RegisteredAt)
		return err
	})
	back := backs[e.oneWins(errs, store.ErrConflict, "resurrection by racers")]
	e.alive(back)
	if r := e.renew(back.Ref()); r.Err != nil {
		e.t.Errorf("Renew under the winner's lease: %v", r.Err)
	}
}

func raceDeregister(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	c := e.fromNow()
	errs := atOnce(racers, func(int) error {
		_, err := e.s.Deregister(e.ctx, rec.Ref(), because(store.Deregistered))
		return err
	})
	e.oneWins(errs, store.ErrLeaseLost, "Deregister by racers")
	if n := len(c.all()); n != 1 {
		e.t.Errorf("%d events of one deletion", n)
	}
	if n := len(e.tombstones(rec.Key)); n != 1 {
		e.t.Errorf("%d tombstones of one deletion", n)
	}
}

// An update under a lease never lands on the record that replaced its own.
func raceUpdateRegister(e *env) {
	key := store.InstanceKey("user", "1")
	for range 10 {
		old := e.put(key, lasting)
		var next *store.Record
		errs := atOnce(2, func(i int) (err error) {
			if i == 0 {
				_, err = e.s.Update(e.ctx, old.Ref(), because(store.Updated), func(r *store.Record) error {
					r.Instance.Port = 1
					return nil
				})
				return err
			}
			next, err = e.s.Register(e.ctx, sample(key), store.Grant{TTL: lasting})
			return err
		})
		if errs[0] != nil && !errors.Is(errs[0], store.ErrLeaseLost) {
			e.t.Fatalf("Update against a registration: %v", errs[0])
		}
		if errs[1] != nil {
			e.t.Fatalf("Register against an update: %v", errs[1])
		}
		e.alive(next)
	}
}
