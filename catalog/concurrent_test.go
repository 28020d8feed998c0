package catalog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// TestConcurrent is for the race detector: every method at once, in real time, while
// three writers write. In the end every follower has what the store has.
func TestConcurrent(t *testing.T) {
	s := memory.Open(memory.Options{})
	defer s.Close()
	c := New(Options{Store: s, Encode: encode, Pending: 64, LogChanges: 256})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	running := make(chan error, 1)
	runCtx, stop := context.WithCancel(context.Background())
	go func() { running <- c.Run(runCtx) }()
	<-c.Warm()

	const rounds = 1_000
	services := []string{"a", "b", "c"}
	var writers, readers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range rounds {
				rec := record(services[rand.N(3)], fmt.Sprintf("%d-%d", w, rand.N(20)), weight(uint16(1+i)))
				key := rec.Key
				out, err := s.Register(ctx, rec, store.Grant{TTL: long})
				if err != nil {
					t.Error(err)
					return
				}
				if i%3 == 0 {
					_, _ = s.Update(ctx, out.Ref(), store.Reason{}, func(x *store.Record) error { x.Tokens.Used[0]++; return nil })
				}
				if i%4 == 0 {
					_, _ = s.Deregister(ctx, store.Ref{Key: key}, store.Reason{})
				}
				if err := c.Wait(ctx, out.Revision); err != nil {
					t.Error(err)
				}
			}
		})
	}
	loop := func(do func()) {
		readers.Go(func() {
			for range rounds {
				do()
			}
		})
	}
	for _, strategy := range strategies {
		loop(func() {
			service := services[rand.N(3)]
			if out := c.Resolve(service, Choice{Strategy: strategy, Key: "k"}); out.Found {
				if h, ok := c.Find(service, out.Item.Record().Key.ID); ok {
					h.Heard(store.Now())
				}
			}
		})
	}
	loop(func() {
		v := c.Service(services[rand.N(3)])
		n := 0
		for range v.Items("") {
			n++
		}
		if n != v.Len() {
			t.Errorf("%d of %d", n, v.Len())
		}
	})
	loop(func() {
		c.Services()
		c.Changed("a")
		c.Stats()
		c.Stale()
		c.Get("b", "0-1")
	})
	loop(func() {
		if _, err := c.Consistent(ctx, "c"); err != nil {
			t.Error(err)
		}
	})
	loop(func() { // those who come and go
		sub, _ := c.Subscribe([]string{"a", "b"})
		from := sub.Start()
		again, ok := c.Resume(nil, from)
		sub.Close()
		if ok {
			_, _ = again.Take()
			again.Position()
			again.Close()
		}
		c.Follow(nil).Close()
	})
	var followers []*follower
	for i := range 4 {
		f := &follower{view: make(map[store.Key]*store.Record)}
		f.sub, f.start = c.Subscribe([][]string{nil, {"a"}, {"b", "c"}, nil}[i])
		followers = append(followers, f)
		readers.Go(func() { f.run(ctx) })
	}
	writers.Wait()
	snap, err := s.List(ctx, selector)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(ctx, snap.Revision); err != nil {
		t.Fatal(err)
	}
	for _, f := range followers {
		f.until(ctx, t, snap.Revision)
		f.sub.Close()
	}
	readers.Wait()
	for i, f := range followers {
		n := 0
		for _, r := range snap.Records {
			if f.sub.wants(r.Key.Service) {
				n++
				if mine := f.view[r.Key]; mine == nil || mine.Changed != r.Changed {
					t.Errorf("follower %d has %v, the store %v", i, mine, r)
				}
			}
		}
		if n != len(f.view) {
			t.Errorf("follower %d has %d instances, the store %d", i, len(f.view), n)
		}
	}
	stop()
	if err := <-running; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := audit(c, snap); err != nil {
		t.Error(err)
	}
}

// follower rebuilds a view, as a stream does.
type follower struct {
	sub   *Subscription
	start []View
	view  map[store.Key]*store.Record
}

func (f *follower) begin(views []View) {
	clear(f.view)
	for _, v := range views {
		for item := range v.Items("") {
			f.view[item.Record().Key] = item.Record()
		}
	}
}

func (f *follower) run(ctx context.Context) {
	f.begin(f.start)
	for {
		changes, err := f.sub.Next(ctx)
		if errors.Is(err, ErrLagged) {
			f.begin(f.sub.Resync())
			continue
		}
		if err != nil {
			return
		}
		for _, ch := range changes {
			if ch.After != nil {
				f.view[ch.After.Key()] = ch.After.Record()
			} else {
				delete(f.view, ch.Before.Key())
			}
		}
	}
}

// until waits until everything up to the revision was taken.
func (f *follower) until(ctx context.Context, t *testing.T, rev store.Revision) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if at, ok := f.sub.Position(); ok && !at.Before(rev) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Error("a follower did not come to the end")
			return
		}
	}
}
