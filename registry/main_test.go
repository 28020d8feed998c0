package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func encode(dst []byte, r *store.Record) []byte {
	return fmt.Appendf(dst, `{"id":%q,"changed":%d`, r.Key.ID, r.Changed)
}

// setup says what differs from a node as most tests want it.
type setup struct {
	policy  auth.Policy
	tokens  TokenPolicy
	leases  lease.Policy
	lookups Limiter
	quota   Quota
	checks  CheckPolicy
	audit   func(audit.Event)
	memory  memory.Options
	now     func() time.Time
	idle    bool // the catalog does not run
}

// node is a registry with a catalog of its own on a store that may be shared. It lives
// in a bubble unless its test says otherwise.
type node struct {
	*testing.T
	*Registry
	store *faulty
	setup setup
	logs  *records
	stop  func()
}

// one gives a node on a store of its own, once its catalog is warm.
func one(t *testing.T, s setup) *node {
	t.Helper()
	st := memory.Open(s.memory)
	t.Cleanup(func() { st.Close() })
	return on(t, st, s)
}

// on gives a node on a store.
func on(t *testing.T, st store.Store, s setup) *node {
	t.Helper()
	authorizer, err := s.policy.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if s.leases == (lease.Policy{}) {
		s.leases = lease.DefaultPolicy
	}
	n := &node{T: t, store: newFaulty(st), setup: s, logs: &records{}}
	n.Registry = New(Options{
		Store:      n.store,
		Catalog:    catalog.New(catalog.Options{Store: n.store, Encode: encode}),
		Leases:     s.leases,
		Authorizer: authorizer,
		Tokens:     s.tokens,
		Node:       "n1",
		Lookups:    s.lookups,
		Audit:      s.audit,
		Quota:      s.quota,
		Checks:     s.checks,
		Logger:     slog.New(n.logs),
		Now:        s.now,
	})
	if !s.idle {
		n.run()
		<-n.Catalog().Warm()
	}
	return n
}

// run follows the store until the test ends.
func (n *node) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Catalog().Run(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrClosed) {
			n.Errorf("the catalog ended with %v", err)
		}
	})
	wg.Go(func() {
		if err := n.Registry.Run(ctx); !errors.Is(err, context.Canceled) {
			n.Errorf("the registry ended with %v", err)
		}
	})
	n.stop = func() { cancel(); wg.Wait() }
	n.Cleanup(n.stop)
}

// sibling gives another node on the same store, with the same options.
func (n *node) sibling() *node { return on(n.T, n.store.inner, n.setup) }

// pass lets time go by, in the bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// The callers of most tests.
var (
	orders  = Caller{Identity: "orders", From: "192.0.2.1"}
	billing = Caller{Identity: "billing", From: "192.0.2.2"}
)

func registration(service, id string) Registration {
	return Registration{Service: service, ID: id, Instance: store.Instance{
		Address: "10.0.0.1", Port: 8080, Weight: 100, Status: store.StatusUp}}
}

// register registers an instance of the service "orders".
func (n *node) register(c Caller, id string) Registered {
	n.Helper()
	out, err := n.Register(n.Context(), c, registration("orders", id))
	if err != nil {
		n.Fatal(err)
	}
	return out
}

func (n *node) beat(c Caller, id, token string) error {
	_, err := n.Heartbeat(n.Context(), c, Beat{"orders", id, token})
	return err
}

// listed gives the IDs of the service in the store itself.
func (n *node) listed() string {
	n.Helper()
	snap, err := n.store.inner.List(context.Background(), store.Selector{Kind: store.KindInstance, Service: "orders"})
	if err != nil {
		n.Fatal(err)
	}
	var ids []string
	for _, r := range snap.Records {
		ids = append(ids, r.Key.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func (n *node) revision() store.Revision {
	n.Helper()
	snap, err := n.store.inner.List(context.Background(), store.Selector{Kind: store.KindInstance, Service: "none"})
	if err != nil {
		n.Fatal(err)
	}
	return snap.Revision
}

// outcome gives an error as tests write it: its code, and the reason of a lease lost.
func outcome(err error) string {
	var e *Error
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &e):
		return "not one of ours: " + err.Error()
	case e.Code == LeaseLost:
		return string(e.Code) + " " + string(e.Reason)
	}
	return string(e.Code)
}

func wantErr(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := outcome(err); got != want {
		t.Errorf("%s: %s, want %s (%v)", what, got, want, err)
	}
}

// records keeps what was logged.
type records struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }
func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.text, "%s %s", rec.Level, rec.Message)
	rec.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&r.text, " %s=%v", a.Key, a.Value)
		return true
	})
	r.text.WriteByte('\n')
	return nil
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *records) count(line string) int { return strings.Count(r.String(), line) }

// defaultPolicy grants ttl to whoever asks for none.
func defaultPolicy(ttl time.Duration) lease.Policy {
	return lease.Policy{Default: ttl, Min: time.Second, Max: ttl}
}
