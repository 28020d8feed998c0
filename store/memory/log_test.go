package memory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

func TestLogIsBoundedAndLoudAboutIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{LogEvents: 10})
		start := f.list().Revision
		w := f.watch()
		var revisions []store.Revision
		for i := range 25 {
			revisions = append(revisions, f.register(fmt.Sprint(i), 0).Revision)
		}
		if n := len(f.log.ring); n != 10 {
			t.Errorf("a log of 10 has %d", n)
		}
		_, err := w.Next(t.Context())
		f.wantErr(err, store.ErrCompacted)
		if _, again := w.Next(t.Context()); !errors.Is(again, store.ErrCompacted) {
			t.Errorf("the second Next = %v", again)
		}
		for i, after := range append([]store.Revision{start}, revisions...) {
			w, err := f.Watch(t.Context(), store.Selector{}, after)
			if i < 15 { // the events kept are those of the last ten, so 15 is the oldest position
				f.wantErr(err, store.ErrCompacted)
				continue
			}
			if err != nil {
				t.Fatalf("Watch after %d of 25: %v", i, err)
			}
			if i < 25 {
				if b := f.next(w); len(b.Events) != 25-i || b.Revision != revisions[24] {
					t.Errorf("after %d: %s", i, tell(b.Events))
				}
			}
			f.quiet(w, time.Millisecond)
			w.Close()
		}
		history, err := f.History(t.Context(), store.Selector{}, 100)
		if err != nil || tell(history) != "[registered 15 registered 16 registered 17 registered 18 registered 19 registered 20 registered 21 registered 22 registered 23 registered 24]" {
			t.Errorf("History = %s, %v", tell(history), err)
		}
	})
}

// registerPadded registers an instance with so many bytes of metadata.
func (f fixture) registerPadded(id string, pad int) *store.Record {
	f.Helper()
	in := instance(id)
	in.Instance.Metadata = []store.Pair{{Key: "pad", Value: strings.Repeat("x", pad)}}
	rec, err := f.Register(f.Context(), in, store.Grant{})
	if err != nil {
		f.Fatal(err)
	}
	return rec
}

// TestLogIsBoundedByBytes: records with all the metadata they may have must not take more
// than the log may keep, and what is gone is told to whoever is behind.
func TestLogIsBoundedByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 64 << 10
		f := open(t, Options{LogEvents: 40, LogBytes: most})
		w := f.watch()
		for i := range 100 {
			rec := f.registerPadded(fmt.Sprint(i%7), i%3*1000)
			size := 0
			for at := f.log.first; at < f.log.next; at++ {
				size += f.log.at(at).size()
			}
			kept := int(f.log.next - f.log.first)
			if size != f.log.size || size > most || kept > 40 || kept < min(i+1, 40) && size+rec.Size()+3000 < most {
				t.Fatalf("after %d, %d events keep %d bytes, the log says %d", i+1, kept, size, f.log.size)
			}
			after := f.log.at(f.log.first).number - 1
			if f.log.floor > after {
				t.Fatalf("after %d, the oldest event kept is after %d, the floor is %d", i+1, after, f.log.floor)
			}
		}
		_, err := w.Next(t.Context())
		f.wantErr(err, store.ErrCompacted)
		before := f.list().Revision
		w2, err := f.Watch(t.Context(), store.Selector{}, before)
		if err != nil {
			t.Fatal(err)
		}
		defer w2.Close()
		f.registerPadded("huge", most) // one event is kept whatever it takes
		if b := f.next(w2); len(b.Events) != 1 || f.log.next-f.log.first != 1 {
			t.Errorf("a huge event: %s, and %d events kept", tell(b.Events), f.log.next-f.log.first)
		}
	})
}

func TestPositionsThatAreNotOfThisHistory(t *testing.T) {
	f := open(t, Options{})
	now := f.register("a", 0).Revision
	for _, r := range []store.Revision{
		{}, {Epoch: now.Epoch + 1, Number: now.Number}, {Epoch: now.Epoch, Number: now.Number + 1}, {Epoch: now.Epoch}, {Number: now.Number},
	} {
		_, err := f.Watch(t.Context(), store.Selector{}, r)
		f.wantErr(err, store.ErrCompacted)
	}
}

// A revision of more events than a batch is given whole, and one that the log can only
// hold in part is not given at all.
func TestRevisionIsNeverSplit(t *testing.T) {
	var l log
	l.open(4, 1<<40, 1)
	add := func(number uint64) { l.append(event{number: number, rec: store.Pack(&store.Record{})}) }
	for range 3 {
		add(2)
	}
	add(3)
	if p, ok := l.after(1); !ok || p != 0 {
		t.Errorf("after(1) = %d, %v", p, ok)
	}
	add(4) // pushes out a third of revision 2
	if _, ok := l.after(1); ok {
		t.Error("revision 2 is given in part")
	}
	if p, ok := l.after(2); !ok || l.at(p).number != 3 {
		t.Errorf("after(2) = %d, %v", p, ok)
	}
	if p, ok := l.after(4); !ok || p != l.next {
		t.Errorf("after(4) = %d, %v", p, ok)
	}
}

func TestBatchEndsWithARevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		const n = 2*maxEvents + 100
		for i := range n {
			f.register(fmt.Sprint(i), time.Second)
		}
		w := f.watch()
		time.Sleep(2 * time.Second)
		total := 0
		for total < n {
			b := f.next(w)
			total += len(b.Events)
			if last := b.Events[len(b.Events)-1].Revision; b.Revision != last {
				t.Errorf("batch of %v ends with %v", b.Revision, last)
			}
			if total < n && len(b.Events) != maxEvents { // two revisions of 512
				t.Errorf("batch of %d events", len(b.Events))
			}
		}
	})
}

// A watcher of little looks at much; it does so in portions and misses nothing.
func TestWatcherOfOneAmongMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		w, err := f.Watch(t.Context(), store.Selector{ID: "x"}, f.list().Revision)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for i := range 9 * portion {
			f.register(fmt.Sprint(i), 0)
		}
		if b, news, err := w.(*watcher).collect(t.Context()); len(b.Events) != 0 || news != nil || err != nil || w.(*watcher).position != 8*portion {
			t.Errorf("the first portion ends at %d with %v, %v", w.(*watcher).position, news, err)
		}
		x := f.register("x", 0)
		if b := f.next(w); tell(b.Events) != "[registered x]" || b.Revision != x.Revision {
			t.Errorf("batch %+v", b)
		}
		history, err := f.History(t.Context(), store.Selector{ID: "0"}, 1)
		if err != nil || tell(history) != "[registered 0]" {
			t.Errorf("History = %s, %v", tell(history), err)
		}
	})
}

func TestHistoryLimit(t *testing.T) {
	f := open(t, Options{})
	for i := range 5 {
		f.register(fmt.Sprint(i), 0)
	}
	for limit, want := range map[int]string{-1: "[]", 0: "[]", 1: "[registered 4]", 2: "[registered 3 registered 4]"} {
		history, err := f.History(t.Context(), store.Selector{Service: "orders"}, limit)
		if err != nil || tell(history) != want {
			t.Errorf("limit %d: %s, %v", limit, tell(history), err)
		}
	}
}

func TestNextWaitsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		w := f.watch()
		for _, tt := range []struct {
			name string
			do   func(cancel func())
			want error
		}{
			{"the context ends", func(cancel func()) { cancel() }, context.Canceled},
			{"an event comes", func(func()) { f.register("a", 0) }, nil},
			{"the watcher is closed", func(func()) { w.Close() }, store.ErrClosed},
			{"the store is closed", func(func()) { w = f.watch(); f.Close() }, store.ErrClosed},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error)
			if tt.name == "the store is closed" {
				w = f.watch()
			}
			go func(w store.Watcher) {
				_, err := w.Next(ctx)
				got <- err
			}(w)
			synctest.Wait()
			select {
			case err := <-got:
				t.Fatalf("%s: Next did not wait: %v", tt.name, err)
			default:
			}
			tt.do(cancel)
			if err := <-got; !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
			cancel()
		}
	})
}
