package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/roster-sd/roster/store"
)

var closeSpecs = []spec{
	{name: "close/every-call-fails-with-closed", prove: closeCalls},
	{name: "close/twice", prove: closeTwice},
	{name: "close/ends-watchers", prove: closeWatchers},
	{name: "close/wakes-a-blocked-next", prove: closeBlocked},
	{name: "close/under-load", prove: closeLoad},
	{name: "close/joins-its-goroutines", prove: closeJoins, needs: []need{needQuiet}},
}

func (e *env) closeStore(s store.Store) {
	e.t.Helper()
	if err := s.Close(); err != nil {
		e.t.Fatalf("Close: %v", err)
	}
}

func closeCalls(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	e.closeStore(e.s)
	for _, call := range calls(e.s, rec) {
		e.wants(call.do(e.ctx), store.ErrClosed, call.op+" after Close")
	}
	if _, err := e.s.Renew(e.ctx, nil); !errors.Is(err, store.ErrClosed) {
		e.t.Errorf("Renew of nothing after Close: %v", err)
	}
	if got := e.s.Capabilities(); got != e.caps {
		e.t.Errorf("Capabilities after Close are %+v, were %+v", got, e.caps)
	}
}

func closeTwice(e *env) {
	e.put(store.InstanceKey("user", "1"), lasting)
	for i, err := range atOnce(racers, func(int) error { return e.s.Close() }) {
		if err != nil {
			e.t.Errorf("Close number %d of %d at once: %v", i, racers, err)
		}
	}
	e.closeStore(e.s)
	e.closeStore(e.s)
	_, err := e.s.Get(e.ctx, store.InstanceKey("user", "1"))
	e.wants(err, store.ErrClosed, "Get after Close")
}

// Watchers end with ErrClosed, after what they still had at the most, and stay ended.
func closeWatchers(e *env) {
	idle, behind, read := e.fromNow(), e.fromNow(), e.fromNow()
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	if ev := read.soon(); ev.Revision != rec.Revision {
		e.t.Fatalf("Next gave %v", ev.Revision)
	}
	e.closeStore(e.s)
	for _, c := range []*cursor{idle, behind, read} {
		ends := 0
		for range 5 {
			ctx, cancel := e.patient()
			_, err := c.w.Next(ctx)
			cancel()
			if err == nil && ends == 0 {
				continue
			}
			e.wants(err, store.ErrClosed, "Next after Close")
			ends++
		}
		if ends == 0 {
			e.t.Error("a watcher of a closed store goes on")
		}
		c.close()
	}
}

func closeBlocked(e *env) {
	const n = 10
	got := make(chan error, n)
	for range n {
		c := e.fromNow()
		go func() {
			_, err := c.w.Next(e.ctx)
			got <- err
		}()
	}
	e.settle()
	e.closeStore(e.s)
	for range n {
		e.wants(<-got, store.ErrClosed, "Next that waited when the store was closed")
	}
}

// Calls that run while the store is closed come back, with a result or with an error
// that says why not.
func closeLoad(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	var running sync.WaitGroup
	started := make(chan struct{}, racers)
	errs := make([]error, racers)
	for i := range racers {
		running.Go(func() {
			started <- struct{}{}
			for k := 0; errs[i] == nil; k++ {
				key := store.InstanceKey("load", fmt.Sprintf("%d-%d", i, k%50))
				switch k % 4 {
				case 0:
					_, errs[i] = e.s.Register(e.ctx, sample(key), store.Grant{TTL: lasting})
				case 1:
					_, errs[i] = e.s.Renew(e.ctx, []store.Ref{rec.Ref()})
				case 2:
					_, errs[i] = e.s.List(e.ctx, store.Selector{Service: "user"})
				case 3:
					_, errs[i] = e.s.Update(e.ctx, rec.Ref(), because(store.Updated), func(r *store.Record) error { r.Instance.PID++; return nil })
				}
			}
		})
	}
	for range racers {
		<-started
	}
	e.closeStore(e.s)
	running.Wait()
	for _, err := range errs {
		if !errors.Is(err, store.ErrClosed) && !errors.Is(err, store.ErrUnavailable) {
			e.t.Errorf("a call that ran into Close: %v", err)
		}
	}
}

// Close joins: when it is back, nothing of the store runs any more. In a bubble, what
// were left would also fail the test at its end.
func closeJoins(e *env) {
	e.closeStore(e.s)
	e.settle()
	before := runtime.NumGoroutine()
	for range 10 {
		s := e.node()
		if _, err := s.Register(e.ctx, sample(store.InstanceKey("user", "1")), store.Grant{TTL: lasting}); err != nil {
			e.t.Fatalf("Register: %v", err)
		}
		snap, err := s.List(e.ctx, store.Selector{})
		if err != nil {
			e.t.Fatalf("List: %v", err)
		}
		w, err := s.Watch(e.ctx, store.Selector{}, snap.Revision)
		if err != nil {
			e.t.Fatalf("Watch: %v", err)
		}
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		if _, err := w.Next(ctx); err == nil {
			e.t.Error("Next under a canceled context gave a batch")
		}
		e.closeStore(s)
	}
	e.eventually("as many goroutines as before ten stores were opened and closed", func() bool {
		e.settle()
		return runtime.NumGoroutine() <= before+2
	})
}
