package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

var updateSpecs = []spec{
	{name: "update/changes-and-announces", prove: updateChanges},
	{name: "update/atomic", prove: updateAtomic},
	{name: "update/refused-by-the-function", prove: updateRefused},
	{name: "update/refused-with-an-error-of-the-store", prove: updateRefusedKind},
	{name: "update/no-change-no-revision", prove: updateNothing},
	{name: "update/of-a-record-that-expired", prove: updateExpired},
	{name: "update/under-a-lease-that-was-renewed", prove: updateAfterRenew},
	{name: "update/while-renewing", prove: updateWhileRenewing},
}

// An update gives the record as it is afterwards, and its event holds the same record
// and the caller's reason as it was given.
func updateChanges(e *env) {
	codes := []store.Code{store.Updated, store.Rotated, store.Suspected, store.Recovered}
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	for i, code := range codes {
		c := e.fromNow()
		before := time.Now()
		old := rec
		rec = e.update(old.Ref(), because(code), func(r *store.Record) error {
			r.Instance.Weight = uint16(i + 1)
			r.Instance.Status = store.StatusDraining
			r.Instance.Tags = slices.Concat(r.Instance.Tags, []string{"added"})
			return nil
		})
		if rec.Instance.Weight != uint16(i+1) || rec.Instance.Status != store.StatusDraining || len(rec.Instance.Tags) != 3+i {
			e.t.Errorf("Update gave %+v", rec.Instance)
		}
		if !old.Revision.Before(rec.Revision) {
			e.t.Errorf("Update moved the revision from %v to %v", old.Revision, rec.Revision)
		}
		e.alive(rec)
		events := c.all()
		if len(events) != 1 {
			e.t.Fatalf("%d events of one update", len(events))
		}
		ev := events[0]
		if d := differ(rec, ev.Record); d != "" {
			e.t.Errorf("the record of the event: %s", d)
		}
		if ev.Reason != because(code) {
			e.t.Errorf("reason is %+v, want %+v", ev.Reason, because(code))
		}
		if ev.Before != nil {
			if d := differ(old, ev.Before); d != "" {
				e.t.Errorf("Before is neither nil nor the record before: %s", d)
			}
		}
		e.isNow(ev.Time, before, "Event.Time")
		c.close()
	}
}

// Updates that contend are applied one after another; none is lost and each has a
// revision.
func updateAtomic(e *env) {
	const each = 20
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	start := rec.Instance.Weight
	c := e.fromNow()
	errs := atOnce(racers, func(g int) error {
		for i := range each {
			tag := fmt.Sprintf("%d-%d", g, i)
			_, err := e.s.Update(e.ctx, rec.Ref(), because(store.Updated), func(r *store.Record) error {
				r.Instance.Weight++
				r.Instance.Tags = slices.Concat(r.Instance.Tags, []string{tag})
				for range 10 {
					runtime.Gosched() // so that others run while this one is at it
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Fatalf("Update by %d callers at once: %v", racers, err)
	}
	got := e.get(rec.Key)
	if want := start + racers*each; got.Instance.Weight != want {
		e.t.Errorf("weight is %d after %d increments from %d", got.Instance.Weight, racers*each, start)
	}
	tags := slices.Clone(got.Instance.Tags)
	slices.Sort(tags)
	if n := len(slices.Compact(tags)); n != len(rec.Instance.Tags)+racers*each {
		e.t.Errorf("%d different tags, want %d", n, len(rec.Instance.Tags)+racers*each)
	}
	weight := start
	for _, ev := range c.all() {
		if weight++; ev.Record.Instance.Weight != weight {
			e.t.Fatalf("the event at %v has the weight %d, want %d", ev.Revision, ev.Record.Instance.Weight, weight)
		}
	}
	if weight != got.Instance.Weight {
		e.t.Errorf("the events end with the weight %d", weight)
	}
}

var errRefused = errors.New("the caller thought better of it")

// An error of the function comes back as it is, and what the function did to its copy
// is forgotten.
func updateRefused(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	want := copyOf(rec)
	c := e.fromNow()
	got, err := e.s.Update(e.ctx, rec.Ref(), because(store.Updated), func(r *store.Record) error {
		r.Instance.Port, r.Instance.Tags, r.Owner = 1, []string{"gone"}, "nobody"
		return errRefused
	})
	if err != errRefused {
		e.t.Errorf("Update gave the error %v, want the very one that the function returned", err)
	}
	if got != nil {
		e.t.Errorf("a refused Update gave the record %+v", *got)
	}
	e.alive(&want)
	c.silent("a refused Update")
}

// A refusal of a kind of the store's own is still the function's.
func updateRefusedKind(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	_, err := e.s.Update(e.ctx, rec.Ref(), because(store.Updated), func(*store.Record) error {
		return store.ErrConflict
	})
	if err != store.ErrConflict {
		e.t.Errorf("Update gave the error %v, want the very one that the function returned", err)
	}
	e.alive(rec)
}

func updateNothing(e *env) {
	rec := e.register(full(store.InstanceKey("user", "1"), 1), store.Grant{TTL: lasting})
	c := e.fromNow()
	changes := map[string]func(*store.Record){
		"nothing":       func(*store.Record) {},
		"the same text": func(r *store.Record) { r.Instance.Version = strings.Clone(r.Instance.Version) },
		"equal slices": func(r *store.Record) {
			r.Instance.Tags = slices.Clone(r.Instance.Tags)
			r.Instance.Metadata = slices.Clone(r.Instance.Metadata)
		},
		"there and back": func(r *store.Record) { r.Instance.Weight++; r.Instance.Weight-- },
	}
	for what, change := range changes {
		got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { change(r); return nil })
		if d := differ(rec, got); d != "" {
			e.t.Errorf("an update that changes %s: %s", what, d)
		}
	}
	e.alive(rec)
	c.silent("updates that change nothing")
}

func updateExpired(e *env) {
	l := e.leased(store.InstanceKey("user", "1"), e.unit)
	e.untilHidden(l)
	c := e.fromNow()
	_, err := e.s.Update(e.ctx, l.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Port = 1; return nil })
	e.wantsLost(err, "Update after the lease was over")
	_, err = e.s.Update(e.ctx, store.Ref{Key: l.Key}, because(store.Updated), func(r *store.Record) error { r.Instance.Port = 1; return nil })
	e.wantsLost(err, "a forced Update after the lease was over")
	e.until(e.announced(l))
	for _, ev := range c.all() {
		if !ev.Deleted() {
			e.t.Errorf("%q of a record that was gone", ev.Reason.Code)
		}
	}
}

func updateAfterRenew(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.renew(rec.Ref())
	got := e.update(rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight = 3; return nil })
	if r := e.renew(rec.Ref()); r.Err != nil {
		e.t.Errorf("Renew after an update, under the ref from before it: %v", r.Err)
	}
	e.alive(got)
}

// Renewals and updates of one record do not disturb each other.
func updateWhileRenewing(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	errs := atOnce(racers, func(g int) error {
		for range 20 {
			if g%2 == 0 {
				rs, err := e.s.Renew(e.ctx, []store.Ref{rec.Ref()})
				if err == nil {
					err = rs[0].Err
				}
				if err != nil {
					return fmt.Errorf("renew: %w", err)
				}
				continue
			}
			_, err := e.s.Update(e.ctx, rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Fatal(err)
	}
	if got, want := e.get(rec.Key).Instance.Weight, rec.Instance.Weight+racers/2*20; got != want {
		e.t.Errorf("weight is %d, want %d", got, want)
	}
}
