package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// While the server is stopped, every call comes back in time and says so, and so does a
// watcher. What ends meanwhile is announced after the disturbance was told.
func TestStoppedServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	var told heardOf
	f := open(t, Options{Addresses: []string{server.Addr()}, OnDisturbance: told.note, CallTimeout: 4 * time.Second})
	stays, ends := f.register("stays", time.Hour), f.register("ends", 4*time.Second)
	w := f.watch(ends.Revision)
	server.Pause()
	stopped, before := time.Now(), len(told.list())

	ctx, cancel := f.within()
	defer cancel()
	_, err := w.Next(ctx)
	f.wants(err, store.ErrUnavailable)
	if took := time.Since(stopped); took > prompt {
		t.Errorf("the watcher waited %v to say that Redis is out of reach", took)
	}
	var calls sync.WaitGroup
	for name, call := range map[string]func(context.Context) error{
		"ping":     f.Ping,
		"get":      func(ctx context.Context) error { _, err := f.Get(ctx, stays.Key); return err },
		"list":     func(ctx context.Context) error { _, err := f.List(ctx, store.Selector{}); return err },
		"renew":    func(ctx context.Context) error { _, err := f.Renew(ctx, []store.Ref{stays.Ref()}); return err },
		"register": func(ctx context.Context) error { _, err := f.Register(ctx, instance("3"), store.Grant{}); return err },
	} {
		calls.Go(func() {
			began := time.Now()
			if err := call(t.Context()); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took > prompt {
				t.Errorf("%s took %v", name, took)
			}
		})
	}
	calls.Wait()
	if len(told.list()) != before {
		t.Error("a disturbance was told before it was over")
	}
	server.Resume()
	f.answers()
	if len(told.list()) == before {
		t.Fatal("Redis answers again and nobody was told of the time before")
	}
	if d := told.list()[before]; d.From.After(stopped.Add(2*time.Second)) || d.At.Before(stopped.Add(4*time.Second)) {
		t.Errorf("told of the time from %v to %v after the stop", d.From.Sub(stopped), d.At.Sub(stopped))
	}
	// The watcher can go on from where it was.
	w = f.follow(ends.Revision)
	for {
		if b := f.next(w); b.Events[0].Deleted() && b.Events[0].Key() == ends.Key {
			break
		}
	}
	if out, err := f.Renew(t.Context(), []store.Ref{stays.Ref()}); err != nil || out[0].Err != nil {
		t.Errorf("Renew afterwards: %v, %v", out, err)
	}
}

// The caller's own deadline is the caller's error, and its cancellation ends a wait.
func TestContextInAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	f := open(t, Options{Addresses: []string{server.Addr()}})
	rec := f.register("1", time.Hour)
	server.Pause()
	defer server.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := f.Renew(ctx, []store.Ref{rec.Ref()})
	var of *store.Error
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &of) {
		t.Errorf("Renew under a deadline of its caller: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err = f.Get(ctx, rec.Key); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &of) {
		t.Errorf("Get under a deadline of its caller: %v", err)
	}
}

// A sweep that was held up on its way removes nothing: nobody could renew meanwhile, and
// nobody has been told so yet.
func TestSweepHeldUp(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	f := open(t, Options{Addresses: []string{server.Addr()}, SweepInterval: time.Hour})
	rec := f.register("1", 500*time.Millisecond)
	server.Pause()
	swept := make(chan bool)
	ctx, cancel := f.within()
	defer cancel()
	go func() { swept <- f.sweepSome(ctx, f.epoch.Load()) }()
	timer := time.NewTimer(drift + 500*time.Millisecond)
	defer timer.Stop()
	<-timer.C
	server.Resume()
	if <-swept {
		t.Error("the sweep says that more is due")
	}
	if n := server.Do("EXISTS", "{"+f.opts.Prefix+"}:r:"+name(rec.Key)); n != int64(1) {
		t.Error("the record was removed")
	}
	f.eventually("a sweep comes in time and removes the record", func() bool {
		f.sweepSome(ctx, f.epoch.Load())
		return server.Do("EXISTS", "{"+f.opts.Prefix+"}:r:"+name(rec.Key)) == int64(0)
	})
}

// A clock that jumps is told before anything is swept, and sweeping waits for other nodes to
// notice it too.
func TestClockJump(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	var toldAt atomic.Int64
	since := time.Now()
	f := open(t, Options{
		Addresses: []string{redistest.Shared(t).Addr()},
		OnDisturbance: func(d store.Disturbance) {
			if strings.Contains(d.Why, "clock") {
				toldAt.CompareAndSwap(0, int64(time.Since(since)))
			}
		},
		clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	rec := f.register("1", 3*time.Second) // it must not have run out before the jump
	w := f.follow(rec.Revision)
	ahead.Store(int64(time.Minute)) // as if Redis' clock had gone back
	f.eventually("the jump was noticed", func() bool { return toldAt.Load() != 0 })
	f.eventually("the record has run out", func() bool {
		_, err := f.Get(t.Context(), rec.Key)
		return err != nil
	})
	waited := func() time.Duration { return time.Since(since) - time.Duration(toldAt.Load()) }
	stones, err := f.Tombstones(t.Context(), rec.Key)
	if err != nil || len(stones) != 0 && waited() < 900*time.Millisecond {
		t.Errorf("asking for tombstones removed the record at once: %v, %v", stones, err)
	}
	f.next(w)
	if waited := waited(); waited < 900*time.Millisecond {
		t.Errorf("the record was removed %v after the jump was told", waited)
	}
}

// Of a master and its replica the one that is the master is used, whichever it is.
func TestFailover(t *testing.T) {
	t.Parallel()
	a := redistest.Start(t, redistest.Options{})
	b := a.Replica(t)
	f := open(t, Options{Addresses: []string{b.Addr(), a.Addr()}}) // the replica comes first
	old := f.register("1", time.Hour)
	b.InSync()
	b.Promote()
	a.Do("REPLICAOF", "127.0.0.1", b.Addr()[len("127.0.0.1:"):]) // connections to it stay
	f.eventually("writes go to the new master", func() bool {
		rec, err := f.Register(t.Context(), instance("2"), store.Grant{TTL: time.Hour})
		if err != nil {
			f.wants(err, store.ErrUnavailable)
			return false
		}
		return rec.Revision.Epoch != old.Revision.Epoch
	})
	if n := b.Do("EXISTS", "{"+f.opts.Prefix+"}:r:"+name(instance("2").Key)); fmt.Sprint(n) != "1" {
		t.Error("the write is not on the new master")
	}
	for range 50 {
		if _, err := f.Get(t.Context(), old.Key); err != nil {
			t.Fatalf("Get after the failover: %v", err)
		}
	}
}

// A replica alone is no server to work with.
func TestReplicaOnly(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.Options{})
	replica := master.Replica(t)
	f := open(t, Options{Addresses: []string{replica.Addr()}})
	f.wants(f.Ping(t.Context()), store.ErrUnavailable)
	f.refusesToRegister(store.ErrUnavailable)
	replica.Do("CONFIG", "SET", "replica-read-only", "no")
	f.refusesToRegister(store.ErrUnavailable)
}
