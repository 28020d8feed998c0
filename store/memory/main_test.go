package memory

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is the clocks of a computer that can be stopped and put to sleep. It lives in a
// bubble, whose time is the rest of its clock.
type machine struct {
	mu            sync.Mutex
	start         time.Time
	ahead, asleep time.Duration
}

func newMachine() *machine { return &machine{start: time.Now()} }

func (m *machine) mono() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.start) + m.ahead
}

func (m *machine) boot() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.start) + m.ahead + m.asleep
}

// stop makes the clocks jump, as they do for a process that was stopped.
func (m *machine) stop(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead += d
}

// sleep makes the boot clock jump, as it does when the machine was suspended.
func (m *machine) sleep(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asleep += d
}

// fixture is a store and shorthands that end the test when what is a matter of course
// fails.
type fixture struct {
	*testing.T
	*Store
	m *machine
}

func open(t *testing.T, opts Options) fixture {
	m := newMachine()
	opts.Clock, opts.Boottime = m.mono, m.boot
	f := fixture{T: t, Store: Open(opts), m: m}
	t.Cleanup(func() { f.Close() })
	return f
}

func instance(id string) store.Record {
	return store.Record{
		Key:      store.InstanceKey("orders", id),
		Instance: store.Instance{Address: "10.0.0.1", Port: 80, Status: store.StatusUp, Health: store.HealthPassing},
	}
}

func (f fixture) register(id string, ttl time.Duration) *store.Record {
	f.Helper()
	rec, err := f.Register(f.Context(), instance(id), store.Grant{TTL: ttl})
	if err != nil {
		f.Fatal(err)
	}
	return rec
}

func (f fixture) renewal(ref store.Ref) store.Renewal {
	f.Helper()
	out, err := f.Renew(f.Context(), []store.Ref{ref})
	if err != nil || len(out) != 1 {
		f.Fatalf("Renew = %v, %v", out, err)
	}
	return out[0]
}

func (f fixture) mustRenew(ref store.Ref) {
	f.Helper()
	if r := f.renewal(ref); r.Err != nil {
		f.Fatal(r.Err)
	}
}

func (f fixture) gets(key store.Key) *store.Record {
	f.Helper()
	rec, err := f.Get(f.Context(), key)
	if err != nil {
		f.Fatal(err)
	}
	return rec
}

func (f fixture) wantErr(err, kind error) {
	f.Helper()
	var of *store.Error
	if !errors.Is(err, kind) || !errors.As(err, &of) || of.Backend != "memory" || of.Op == "" {
		f.Fatalf("err = %#v, want %v", err, kind)
	}
}

func (f fixture) list() store.Snapshot {
	f.Helper()
	snap, err := f.List(f.Context(), store.Selector{})
	if err != nil {
		f.Fatal(err)
	}
	return snap
}

// watch follows everything from now on.
func (f fixture) watch() store.Watcher {
	f.Helper()
	w, err := f.Watch(f.Context(), store.Selector{}, f.list().Revision)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.Close() })
	return w
}

// next gives the next batch, which must come within a minute.
func (f fixture) next(w store.Watcher) store.Batch {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	b, err := w.Next(ctx)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// quiet checks that nothing comes for a while.
func (f fixture) quiet(w store.Watcher, d time.Duration) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), d)
	defer cancel()
	if b, err := w.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		f.Fatalf("Next = %s, %v; want nothing", tell(b.Events), err)
	}
}

// tell gives events as "code id" each.
func tell(events []store.Event) string {
	var s []string
	for i := range events {
		s = append(s, string(events[i].Reason.Code)+" "+events[i].Key().ID)
	}
	return fmt.Sprint(s)
}

// same tells whether two records are one version of one record.
func same(a, b *store.Record) bool {
	return a != nil && b != nil && (store.Pack(a) == store.Pack(b) || reflect.DeepEqual(a, b))
}
