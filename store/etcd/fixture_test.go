package etcd_test

import (
	"context"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/internal/tcpproxy"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
)

const (
	lasting = 10 * time.Minute

	// prompt is how long what is done at once may take on a machine that is busy. Where it is
	// compared with a time, that of the fault that the test is about is longer by far.
	prompt = 20 * time.Second
)

// brisk gives the bounds that nodes have, for tests of outages. To others a busy machine must
// not look like one; see use.
func brisk(opts etcd.Options) etcd.Options {
	opts.CallTimeout, opts.Silence = 2*time.Second, time.Second
	return opts
}

var someone = store.Reason{Actor: "alice", Note: "test"}

// fixture is one store with what most tests do to it.
type fixture struct {
	*etcd.Store
	t   testing.TB
	ctx context.Context
}

func use(tb testing.TB, opts etcd.Options) *fixture {
	tb.Helper()
	if opts.CallTimeout == 0 {
		opts.CallTimeout, opts.Silence = 10*time.Second, 5*time.Second
	}
	f := &fixture{Store: open(tb, opts), t: tb, ctx: tb.Context()}
	tb.Cleanup(func() {
		if err := f.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return f
}

func at(s *etcdtest.Server) etcd.Options { return etcd.Options{Endpoints: []string{s.Addr()}} }

func sample(key store.Key) store.Record {
	return store.Record{
		Key: key, Owner: "spiffe://example.org/" + key.Service,
		Instance: store.Instance{Address: "10.1.2.3", Port: 8080, Weight: 100, Status: store.StatusUp, Health: store.HealthPassing},
	}
}

func (f *fixture) put(key store.Key, ttl time.Duration) *store.Record {
	f.t.Helper()
	rec, err := f.Register(f.ctx, sample(key), store.Grant{TTL: ttl, Why: someone})
	if err != nil {
		f.t.Fatalf("Register: %v", err)
	}
	return rec
}

func (f *fixture) list() store.Snapshot {
	f.t.Helper()
	snap, err := f.List(f.ctx, store.Selector{})
	if err != nil {
		f.t.Fatalf("List: %v", err)
	}
	return snap
}

func (f *fixture) renew(refs ...store.Ref) []store.Renewal {
	f.t.Helper()
	out, err := f.Renew(f.ctx, refs)
	if err != nil {
		f.t.Fatalf("Renew: %v", err)
	}
	return out
}

func (f *fixture) update(ref store.Ref, weight uint16) *store.Record {
	f.t.Helper()
	rec, err := f.Update(f.ctx, ref, someone, func(r *store.Record) error { r.Instance.Weight = weight; return nil })
	if err != nil {
		f.t.Fatalf("Update: %v", err)
	}
	return rec
}

func (f *fixture) remove(ref store.Ref) {
	f.t.Helper()
	if _, err := f.Deregister(f.ctx, ref, someone); err != nil {
		f.t.Fatalf("Deregister: %v", err)
	}
}

// watch follows everything after a revision.
func (f *fixture) watch(after store.Revision) store.Watcher {
	f.t.Helper()
	w, err := f.Watch(f.ctx, store.Selector{}, after)
	if err != nil {
		f.t.Fatalf("Watch: %v", err)
	}
	f.t.Cleanup(func() { _ = w.Close() })
	return w
}

// next gives the next batch, or the error of it.
func next(tb testing.TB, w store.Watcher, within time.Duration) (store.Batch, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), within)
	defer cancel()
	return w.Next(ctx)
}

// events reads n events.
func events(tb testing.TB, w store.Watcher, n int) []store.Event {
	tb.Helper()
	var got []store.Event
	for len(got) < n {
		b, err := next(tb, w, prompt)
		if err != nil {
			tb.Fatalf("Next after %d of %d events: %v", len(got), n, err)
		}
		got = append(got, b.Events...)
	}
	if len(got) != n {
		tb.Fatalf("%d events, want %d", len(got), n)
	}
	return got
}

// breaks reads a watcher to the error with which it breaks.
func breaks(tb testing.TB, w store.Watcher, within time.Duration) error {
	tb.Helper()
	for end := time.Now().Add(within); ; {
		_, err := next(tb, w, time.Until(end))
		if store.IsContext(err) {
			tb.Fatalf("the watcher has not broken after %v", within)
		}
		if err != nil {
			return err
		}
	}
}

// eventually polls until ok is true.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(3 * prompt); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("still not: %s", what)
		}
	}
}

func wants(tb testing.TB, err, kind error, doing string) {
	tb.Helper()
	if !errors.Is(err, kind) {
		tb.Fatalf("%s: error is %v, want %v", doing, err, kind)
	}
}

// behindProxy gives a server and a way to it that can be cut.
func behindProxy(tb testing.TB, server *etcdtest.Server) (*tcpproxy.Proxy, etcd.Options) {
	tb.Helper()
	p, err := tcpproxy.New(server.Host())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p, etcd.Options{Endpoints: []string{"http://" + p.Addr()}}
}

// leases counts the leases of a server.
func leases(server *etcdtest.Server) int {
	n := 0
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		resp, err := c.Leases(ctx)
		if err == nil {
			n = len(resp.Leases)
		}
		return err
	})
	return n
}

func isUnavailable(err error) bool { return errors.Is(err, store.ErrUnavailable) }
