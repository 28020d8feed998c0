package catalog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/store"
)

// op is one step of a random history. What a and b mean depends on the kind.
type op struct{ Kind, Service, A, B int }

// The kinds of step. Those after opBreak are drawn only where faults are wanted.
const (
	opRegister = iota
	opUpdate
	opRotate
	opDrop
	opRenew
	opPass
	opTake
	opResume
	opBurst
	opBreak
	opHeal
	opCompact
	kinds
)

func ops(faults bool) *rapid.Generator[[]op] {
	last := opBreak - 1
	if faults {
		last = kinds - 1
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op {
		return op{
			Kind:    rapid.IntRange(0, last).Draw(t, "kind"),
			Service: rapid.IntRange(0, 2).Draw(t, "service"),
			A:       rapid.IntRange(0, 5).Draw(t, "a"),
			B:       rapid.IntRange(0, 9).Draw(t, "b"),
		}
	}), 20, 150)
}

// TestHistories is invariant I4 for the catalog: after any history its view is that of
// the store, its parts agree, and whoever follows has been told of every change once and
// in order, or to resync, and ends with what the store has.
func TestHistories(t *testing.T) {
	for _, faults := range []bool{false, true} {
		t.Run(fmt.Sprintf("faults=%v", faults), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				history := ops(faults).Draw(rt, "history")
				pending := rapid.SampledFrom([]int{1, 3, 100}).Draw(rt, "pending")
				logged := rapid.SampledFrom([]int{2, 10, 1000}).Draw(rt, "log")
				var err error
				synctest.Test(t, func(t *testing.T) {
					err = live(t, history, Options{Pending: pending, LogChanges: logged, Panic: 30}, faults)
				})
				if err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}

// live plays a history and gives what was wrong.
func live(t *testing.T, history []op, opts Options, faults bool) error {
	r := prepare(t, opts)
	r.put("b", "0")
	r.run()
	r.settle()
	truth, err := r.store.Watch(context.Background(), selector, r.Revision())
	if err != nil {
		return err
	}
	defer truth.Close()
	all := &ledger{}
	readers := []*reader{
		newReader(r, nil), newReader(r, []string{"a"}), newReader(r, []string{"b", "c"}), newReader(r, []string{"none"}),
	}
	for i, o := range history {
		r.play(o, readers)
		r.settle()
		if err := all.read(truth); err != nil {
			return err
		}
		for n, rd := range readers {
			if rd.err != nil {
				return fmt.Errorf("step %d, reader %d: %w", i, n, rd.err)
			}
		}
		if !faults {
			if err := audit(r.Catalog, r.list()); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
	}
	r.feed.breaks(nil)
	r.pass(3 * time.Second) // the longest that the catalog waits before it tries again, twice
	if err := all.read(truth); err != nil {
		return err
	}
	if err := audit(r.Catalog, r.list()); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	for n, rd := range readers {
		rd.take()
		if rd.err == nil {
			rd.take() // after a resync
		}
		if err := errors.Join(rd.err, rd.compare(r.list())); err != nil {
			return fmt.Errorf("reader %d at the end: %w", n, err)
		}
		if !faults {
			if err := rd.check(all); err != nil {
				return fmt.Errorf("reader %d: %w", n, err)
			}
		}
	}
	return nil
}

// play makes one step. What the state of the store does not allow is no step.
func (r *rig) play(o op, readers []*reader) {
	ctx := context.Background()
	service, id := string("abc"[o.Service]), fmt.Sprint(o.A)
	ref := store.Ref{Key: store.InstanceKey(service, id)}
	shapes := []shape{weight(uint16(1 + o.B)), status([]string{store.StatusUp, store.StatusUp, store.StatusDraining}[o.B%3]),
		health([]string{store.HealthPassing, store.HealthSuspect, store.HealthFailing, store.HealthPassing}[o.B%4])}
	if o.B%4 == 2 && o.A > 0 {
		shapes = append(shapes, refuted)
	}
	switch o.Kind {
	case opRegister:
		r.putFor(service, id, time.Duration(2+o.B)*time.Second, shapes...)
	case opBurst: // many that are due at once, which is one revision
		for i := range 3 + o.A {
			r.putFor(service, fmt.Sprintf("burst%d", i), 3*time.Second)
		}
		time.Sleep(time.Second)
		for i := range 3 + o.A {
			r.putFor(service, fmt.Sprintf("burst%d", i), 2*time.Second)
		}
	case opUpdate, opRotate:
		_, _ = r.store.Update(ctx, ref, store.Reason{}, func(x *store.Record) error {
			if o.Kind == opRotate {
				x.Tokens.Used[0]++
				return nil
			}
			for _, s := range shapes {
				s(&x.Instance)
			}
			return nil
		})
	case opDrop:
		_, _ = r.store.Deregister(ctx, ref, store.Reason{})
	case opRenew:
		if h, ok := r.Find(service, id); ok {
			_, _ = r.store.Renew(ctx, []store.Ref{h.Packed.Ref()})
			h.Heard(store.Now())
		}
	case opPass:
		time.Sleep(time.Duration(1+o.B*o.A) * 100 * time.Millisecond)
	case opTake:
		readers[o.A%len(readers)].take()
	case opResume:
		readers[o.A%len(readers)].resume(o.B)
	case opBreak:
		r.feed.breaks(errDown)
	case opHeal:
		r.feed.breaks(nil)
	case opCompact:
		r.feed.compact()
	}
}
