package redis

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// instance gives an ordinary record.
func instance(id string) store.Record {
	rec := store.Record{
		Key: store.InstanceKey("orders", id), Owner: "spiffe://example.org/orders",
		Instance: store.Instance{
			Address: "10.0.0.1", Port: 80, Weight: 100, Protocol: "http", Version: "1.4.2", Env: "prod", Zone: "eu-1a",
			Status: store.StatusUp, Health: store.HealthPassing,
			Tags: []string{"blue"}, Metadata: []store.Pair{{Key: "commit", Value: "0a1b2c"}},
		},
	}
	rec.Tokens.Used[0] = 1
	return rec
}

// prompt is how long what is done at once may take on a machine that is busy. Where it is
// compared with a time, that of the fault that the test is about is longer by far.
const prompt = 20 * time.Second

// fixture is a store and shorthands that end the test where what is a matter of course fails.
type fixture struct {
	*testing.T
	*Store
}

// open opens a store, which is closed with the test. A machine that is busy with other things
// does not look like an outage to it, unless the test says how patient it is.
func open(t *testing.T, opts Options) fixture {
	t.Helper()
	if opts.Prefix == "" {
		opts.Prefix = redistest.Prefix()
	}
	if opts.CallTimeout == 0 {
		opts.CallTimeout, opts.mute = 10*time.Second, 5*time.Second
	}
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return fixture{t, s}
}

// on opens a store on the server that tests share.
func onShared(t *testing.T) fixture {
	return open(t, Options{Addresses: []string{redistest.Shared(t).Addr()}})
}

// node opens one more store on the keyspace.
func (f fixture) node() fixture { return open(f.T, f.opts) }

func (f fixture) register(id string, ttl time.Duration) *store.Record {
	f.Helper()
	rec, err := f.Register(f.Context(), instance(id), store.Grant{TTL: ttl})
	if err != nil {
		f.Fatal(err)
	}
	return rec
}

func (f fixture) list() store.Snapshot {
	f.Helper()
	snap, err := f.List(f.Context(), store.Selector{})
	if err != nil {
		f.Fatal(err)
	}
	return snap
}

// watch follows everything from a revision on.
func (f fixture) watch(after store.Revision) store.Watcher {
	f.Helper()
	w, err := f.Watch(f.Context(), store.Selector{}, after)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.Close() })
	return w
}

// follow is watch for tests that are not about outages: on a machine that is so busy that it
// looks like one, it watches again from where it was.
func (f fixture) follow(after store.Revision) store.Watcher {
	f.Helper()
	return &persistent{f: f, Watcher: f.watch(after), at: after}
}

type persistent struct {
	f fixture
	store.Watcher
	at store.Revision
}

func (p *persistent) Next(ctx context.Context) (store.Batch, error) {
	for {
		b, err := p.Watcher.Next(ctx)
		if err == nil {
			p.at = b.Revision
		}
		if !errors.Is(err, store.ErrUnavailable) {
			return b, err
		}
		p.f.Logf("watching again after %v", err)
		p.f.answers()
		p.Watcher = p.f.watch(p.at)
	}
}

// within gives a context that is long enough for what must happen.
func (f fixture) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(f.Context(), time.Minute)
}

func (f fixture) next(w store.Watcher) store.Batch {
	f.Helper()
	ctx, cancel := f.within()
	defer cancel()
	b, err := w.Next(ctx)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// breaks reads a watcher until it breaks, and checks that it is for one of the reasons given
// and that no deletion was told before.
func (f fixture) breaks(w store.Watcher, kinds ...error) {
	f.Helper()
	ctx, cancel := f.within()
	defer cancel()
	for {
		b, err := w.Next(ctx)
		if err != nil {
			if len(kinds) == 1 || !errors.Is(err, kinds[1]) {
				f.wants(err, kinds[0])
			}
			return
		}
		for i := range b.Events {
			if b.Events[i].Deleted() {
				f.Fatalf("%v was told to have left: %q", b.Events[i].Key(), b.Events[i].Reason.Code)
			}
		}
	}
}

func (f fixture) wants(err, kind error) {
	f.Helper()
	var of *store.Error
	if !errors.Is(err, kind) || !errors.As(err, &of) || of.Backend != backend {
		f.Fatalf("the error is %v, want %v", err, kind)
	}
}

// eventually polls until ok is true.
func (f fixture) eventually(what string, ok func() bool) {
	f.Helper()
	ctx, cancel := f.within()
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Fatalf("still not: %s", what)
		}
	}
}

// answers waits until the store reaches its server.
func (f fixture) answers() {
	f.Helper()
	f.eventually("the store reaches its server", func() bool { return f.Ping(f.Context()) == nil })
}

// tell gives events as "code id" each.
func tell(events []store.Event) string {
	var s []string
	for i := range events {
		s = append(s, string(events[i].Reason.Code)+" "+events[i].Key().ID)
	}
	return fmt.Sprint(s)
}
