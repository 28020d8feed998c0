package share

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
	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is nodes on one backend, and the instances that they look at. It lives in a bubble.
type world struct {
	*testing.T
	backend *catalogtest.Backend
	nodes   []*node

	mu      sync.Mutex
	dead    map[string]bool // instances that nobody reaches, by ID
	banned  bool            // no address is allowed
	cutOff  map[string]bool // nodes that reach nobody
	flaky   map[string]bool // instances that are reached every other time
	blocked map[string]bool // node and instance that do not reach each other: "n1 o1"
	looks   []look
	turns   map[string]int // looks at those that are flaky
}

// look is a check that was done.
type look struct {
	at   time.Time
	node string
	key  store.Key
}

// node is what a registry node has for its checks.
type node struct {
	*world
	name   string
	link   *catalogtest.Node
	cat    *catalog.Catalog
	reg    *registry.Registry
	seat   *Seat
	runner *Runner
	logs   *lines
	stop   func()
}

var errRefused = errors.New("connection refused")

// form gives a world with nodes n1, n2, ... that have found each other.
func form(t *testing.T, nodes int) *world {
	t.Helper()
	w := &world{T: t, backend: catalogtest.New(catalogtest.Options{}),
		dead: map[string]bool{}, cutOff: map[string]bool{}, flaky: map[string]bool{}, turns: map[string]int{}, blocked: map[string]bool{}}
	for range nodes {
		w.join()
	}
	pass(time.Second)
	for _, n := range w.nodes {
		if got := n.runner.Status().Nodes; got != nodes {
			t.Fatalf("%s sees %d nodes", n.name, got)
		}
	}
	return w
}

// join adds a node.
func (w *world) join() *node {
	w.Helper()
	n := &node{world: w, name: fmt.Sprintf("n%d", len(w.nodes)+1), link: w.backend.Node(), logs: &lines{}}
	log := slog.New(slog.NewTextHandler(n.logs, nil))
	encode := func(dst []byte, r *store.Record) []byte { return fmt.Appendf(dst, "%s %d", r.Key.ID, r.Changed) }
	n.cat = catalog.New(catalog.Options{Store: n.link, Encode: encode})
	n.reg = registry.New(registry.Options{Store: n.link, Catalog: n.cat, Leases: lease.DefaultPolicy,
		Authorizer: new(auth.Authorizer), Node: n.name, Logger: log})
	n.seat = NewSeat(SeatOptions{Store: n.link, Node: n.name, Logger: log})
	n.runner = New(Options{Catalog: n.cat, Seat: n.seat, Probe: n.probe, Report: n.reg.ReportHealth, PerAddress: -1, Logger: log})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.cat.Run(ctx) })
	wg.Go(func() { _ = n.reg.Run(ctx) })
	wg.Go(func() {
		if err := n.runner.Run(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrClosed) {
			w.Errorf("the runner of %s ended with %v", n.name, err)
		}
	})
	n.stop = sync.OnceFunc(func() { cancel(); wg.Wait(); n.link.Close() })
	w.Cleanup(n.stop)
	w.nodes = append(w.nodes, n)
	return n
}

// probe is a check of an instance by a node.
func (n *node) probe(_ context.Context, t check.Target) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.looks = append(n.looks, look{time.Now(), n.name, t.Key})
	if n.flaky[t.Key.ID] {
		n.turns[t.Key.ID]++
		if n.turns[t.Key.ID]%2 == 0 {
			return errRefused
		}
	}
	if n.banned {
		return fmt.Errorf("its address is %w", check.ErrForbidden)
	}
	if n.dead[t.Key.ID] || n.cutOff[n.name] || n.blocked[n.name+" "+t.Key.ID] {
		return errRefused
	}
	return nil
}

// set changes something about the world.
func (w *world) set(of map[string]bool, is bool, names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		of[name] = is
	}
}

// pass lets time go by, in the bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// how is a check as most tests want it: every ten seconds.
func how() *store.Check {
	return &store.Check{Type: store.CheckTCP, Interval: 10 * time.Second, Timeout: 2 * time.Second, Failures: 3, Successes: 2}
}

// settled is by when a verdict has been given, and has come to every node.
const settled = 45 * time.Second

// put registers instances of the service a, straight in the store.
func (w *world) put(how *store.Check, ids ...string) {
	w.Helper()
	w.putIn("a", how, ids...)
}

func (w *world) putIn(service string, how *store.Check, ids ...string) {
	w.Helper()
	for _, id := range ids {
		in := store.Record{Key: store.InstanceKey(service, id), Owner: "a", Instance: store.Instance{
			Address: "192.0.2.1", Port: 80, Status: store.StatusUp, Health: store.HealthFailing, Check: how,
			Verdict: &store.Verdict{Why: store.NotChecked}}}
		if _, err := w.nodes[0].link.Register(w.Context(), in, store.Grant{TTL: 24 * time.Hour}); err != nil {
			w.Fatal(err)
		}
	}
}

func ids(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("o%d", i))
	}
	return out
}

// in gives the instances of the backend that are of a health.
func (w *world) in(health string) (out []string) {
	for _, rec := range w.backend.Snapshot().Records {
		if rec.Key.Kind == store.KindInstance && rec.Instance.Health == health {
			out = append(out, rec.Key.ID)
		}
	}
	slices.Sort(out)
	return out
}

// failing checks which instances fail.
func (w *world) fail(when string, want ...string) {
	w.Helper()
	slices.Sort(want)
	if got := w.in(store.HealthFailing); !slices.Equal(got, want) {
		w.Errorf("%s %v fail, want %v", when, got, want)
	}
}

// changes gives how often checks changed an instance.
func (w *world) changes(id string) (n int) {
	events, err := w.nodes[len(w.nodes)-1].link.History(w.Context(), store.Selector(store.InstanceKey("a", id)), 1000)
	if err != nil {
		w.Fatal(err)
	}
	for _, ev := range events {
		if ev.Reason.Code == store.Checked || ev.Reason.Code == store.Unreachable {
			n++
		}
	}
	return n
}

// targets gives how many instances each node checks.
func (w *world) targets() (out []int) {
	for _, n := range w.nodes {
		out = append(out, n.runner.Status().Targets)
	}
	return out
}

// lookers gives who checked what since a moment.
func (w *world) lookers(since time.Time) map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string][]string{}
	for _, l := range w.looks {
		if !l.at.Before(since) && !slices.Contains(out[l.key.ID], l.node) {
			out[l.key.ID] = append(out[l.key.ID], l.node)
		}
	}
	return out
}

// lines are those of a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}
