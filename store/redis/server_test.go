package redis

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// Scripts that the server has forgotten are given to it again.
func TestScriptFlush(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	f := open(t, Options{Addresses: []string{server.Addr()}})
	rec := f.register("1", time.Hour)
	w := f.follow(rec.Revision)
	for range 3 {
		server.Do("SCRIPT", "FLUSH")
		rec = f.register("1", time.Hour)
		server.Do("SCRIPT", "FLUSH")
		if b := f.next(w); b.Revision != rec.Revision {
			t.Errorf("the watcher gives %v, want %v", b.Revision, rec.Revision)
		}
		server.Do("SCRIPT", "FLUSH")
		if snap := f.list(); len(snap.Records) != 1 || snap.Revision != rec.Revision {
			t.Errorf("List gives %d records at %v", len(snap.Records), snap.Revision)
		}
	}
}

// Connections that the server closed are replaced without anybody noticing.
func TestConnectionsKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	f := open(t, Options{Addresses: []string{server.Addr()}})
	rec := f.register("1", time.Hour)
	w := f.follow(rec.Revision)
	for range 5 {
		server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		if _, err := f.Get(t.Context(), rec.Key); err != nil {
			t.Fatalf("Get: %v", err)
		}
		if _, err := f.Renew(t.Context(), []store.Ref{rec.Ref()}); err != nil {
			t.Fatalf("Renew: %v", err)
		}
		f.eventually("a registration", func() bool {
			_, err := f.Register(t.Context(), instance("2"), store.Grant{})
			return err == nil
		})
	}
	if b := f.next(w); len(b.Events) == 0 || b.Events[0].Key().ID != "2" {
		t.Errorf("the watcher gives %s", tell(b.Events))
	}
}

// When the memory is full, what would need more of it is refused, and says why. What lives
// is renewed, and what leaves leaves.
func TestMemoryFull(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{Policy: "noeviction"})
	f := open(t, Options{Addresses: []string{server.Addr()}})
	live, short := f.register("live", time.Hour), f.register("short", time.Second)
	w := f.follow(short.Revision)
	server.Do("CONFIG", "SET", "maxmemory", "1mb")
	rec, err := f.Register(t.Context(), instance("more"), store.Grant{TTL: time.Hour})
	f.wants(err, store.ErrUnavailable)
	if rec != nil || !strings.Contains(err.Error(), "memory of Redis is full") {
		t.Errorf("a registration that does not fit: %+v, %v", rec, err)
	}
	_, err = f.Update(t.Context(), live.Ref(), store.Reason{}, func(r *store.Record) error { r.Instance.PID++; return nil })
	f.wants(err, store.ErrUnavailable)
	if out, err := f.Renew(t.Context(), []store.Ref{live.Ref()}); err != nil || out[0].Err != nil {
		t.Errorf("Renew: %v, %v", out, err)
	}
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if b := f.next(w); !b.Events[0].Deleted() || b.Events[0].Key() != short.Key {
		t.Errorf("the watcher gives %s", tell(b.Events))
	}
	if _, err := f.Deregister(t.Context(), live.Ref(), store.Reason{}); err != nil {
		t.Errorf("Deregister: %v", err)
	}
	if n := len(f.list().Records); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

func TestTooManyClients(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	// By the one connection that there is to be: another's end may reach Redis late, and this one
	// then be the one too many.
	hold := server.Client()
	defer hold.Close()
	if err := hold.ConfigSet(t.Context(), "maxclients", "1").Err(); err != nil {
		t.Fatal(err)
	}
	f := open(t, Options{Addresses: []string{server.Addr()}})
	f.refusesToRegister(store.ErrUnavailable)
	if err := hold.ConfigSet(t.Context(), "maxclients", "100").Err(); err != nil {
		t.Fatal(err)
	}
	f.answers()
}

// Databases of one server are keyspaces of their own.
func TestDatabases(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	one := open(t, Options{Addresses: []string{server.Addr()}, Prefix: "roster"})
	two := open(t, Options{Addresses: []string{server.Addr()}, Prefix: "roster", DB: 3})
	rec := one.register("1", time.Hour)
	w := two.follow(two.list().Revision)
	if n := len(two.list().Records); n != 0 {
		t.Errorf("another database has %d records", n)
	}
	mine := two.register("2", time.Hour)
	if ev := two.next(w).Events[0]; ev.Key() != mine.Key {
		t.Errorf("the watcher of another database gives %v", ev.Key())
	}
	if mine.Revision.Epoch == rec.Revision.Epoch {
		t.Error("two databases share an epoch")
	}
}

// Prefixes of which one begins like the other are keyspaces of their own.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	address := redistest.Shared(t).Addr()
	one := open(t, Options{Addresses: []string{address}, Prefix: "user"})
	two := open(t, Options{Addresses: []string{address}, Prefix: "user-admin"})
	w := one.follow(one.list().Revision)
	two.register("theirs", 0)
	mine := one.register("mine", 0)
	if b := one.next(w); b.Revision != mine.Revision {
		t.Errorf("the watcher gives %s", tell(b.Events))
	}
	if n := len(one.list().Records); n != 1 {
		t.Errorf("%d records", n)
	}
}

// A store whose server is away closes at once, and so does one that is being used.
func TestCloseInAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	f := open(t, Options{Addresses: []string{server.Addr()}, CallTimeout: 3 * prompt, mute: 3 * prompt})
	rec := f.register("1", time.Hour)
	w := f.watch(rec.Revision)
	server.Pause()
	defer server.Resume()
	var waiting atomic.Int64
	ended := make(chan error, 3)
	for _, call := range []func() error{
		func() error { _, err := f.Renew(t.Context(), []store.Ref{rec.Ref()}); return err },
		func() error { _, err := f.Get(t.Context(), rec.Key); return err },
		func() error { _, err := w.Next(t.Context()); return err },
	} {
		go func() {
			waiting.Add(1)
			ended <- call()
		}()
	}
	f.eventually("calls wait", func() bool { return waiting.Load() == 3 })
	began := time.Now()
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if took := time.Since(began); took > prompt { // and not what a call may
		t.Errorf("Close took %v", took)
	}
	for range 3 {
		if err := <-ended; !errors.Is(err, store.ErrClosed) && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a call that ran into Close: %v", err)
		}
	}
}
