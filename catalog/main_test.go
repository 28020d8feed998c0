package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// encode stands for the encoder of a surface: like that, it tells of all that clients see.
func encode(dst []byte, r *store.Record) []byte {
	in := &r.Instance
	return fmt.Appendf(dst, `{"id":%q,"address":%q,"port":%d,"weight":%d,"status":%q,"health":%q,"version":%q,"rev":"%d.%d"`,
		r.Key.ID, in.Address, in.Port, in.Weight, in.Status, in.Health, in.Version, r.Revision.Epoch, r.Changed)
}

// rig is a catalog that follows a store in memory through a feed with faults. It lives in
// a bubble, whose time passes while everything waits.
type rig struct {
	*testing.T
	*Catalog
	store *memory.Store
	feed  *feed
	stop  func() error // ends Run, and gives its error
}

// start gives a rig whose catalog is warm.
func start(t *testing.T, opts Options) *rig {
	t.Helper()
	r := prepare(t, opts)
	r.run()
	synctest.Wait()
	if !r.IsWarm() {
		t.Fatal("the catalog is not warm after its first list")
	}
	return r
}

// prepare gives a rig whose catalog does not run yet.
func prepare(t *testing.T, opts Options) *rig {
	t.Helper()
	s := memory.Open(memory.Options{Node: "n1"})
	t.Cleanup(func() { s.Close() })
	r := &rig{T: t, store: s, feed: newFeed(s)}
	opts.Store, opts.Encode = r.feed, encode
	r.Catalog = New(opts)
	return r
}

func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Catalog.Run(ctx) }()
	var ended bool
	var err error
	r.stop = func() error {
		if cancel(); !ended {
			err, ended = <-done, true
		}
		return err
	}
	r.Cleanup(func() { r.stop() })
}

// settle waits until the catalog has taken in what the store has, and the subscribers
// have been told.
func (r *rig) settle() {
	r.Helper()
	synctest.Wait()
}

// pass lets time go by; for whole deadlines to be over, the store must have had the time
// to tell of them.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// within gives a context that ends a wait which should have been over.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// shape changes the instance that a test registers.
type shape func(*store.Instance)

func weight(w uint16) shape    { return func(in *store.Instance) { in.Weight = w } }
func status(s string) shape    { return func(in *store.Instance) { in.Status = s } }
func health(s string) shape    { return func(in *store.Instance) { in.Health = s } }
func version(s string) shape   { return func(in *store.Instance) { in.Version = s } }
func tagged(s ...string) shape { return func(in *store.Instance) { in.Tags = s } }
func meta(k, v string) shape {
	return func(in *store.Instance) { in.Metadata = []store.Pair{{Key: k, Value: v}} }
}

func record(service, id string, shapes ...shape) store.Record {
	in := store.Instance{Address: "10.0.0.1", Port: 80, Weight: 100, Status: store.StatusUp, Health: store.HealthPassing}
	for _, s := range shapes {
		s(&in)
	}
	return store.Record{Key: store.InstanceKey(service, id), Owner: "orders", Instance: in}
}

const long = 100 * time.Hour // a TTL that no test outlives

func (r *rig) put(service, id string, shapes ...shape) *store.Record {
	r.Helper()
	return r.putFor(service, id, long, shapes...)
}

func (r *rig) putFor(service, id string, ttl time.Duration, shapes ...shape) *store.Record {
	r.Helper()
	rec, err := r.store.Register(context.Background(), record(service, id, shapes...), store.Grant{TTL: ttl})
	if err != nil {
		r.Fatal(err)
	}
	return rec
}

func (r *rig) change(service, id string, shapes ...shape) *store.Record {
	r.Helper()
	rec, err := r.store.Update(context.Background(), store.Ref{Key: store.InstanceKey(service, id)}, store.Reason{},
		func(x *store.Record) error {
			for _, s := range shapes {
				s(&x.Instance)
			}
			return nil
		})
	if err != nil {
		r.Fatal(err)
	}
	return rec
}

// rotate changes a record in a way that clients do not see.
func (r *rig) rotate(service, id string) *store.Record {
	r.Helper()
	rec, err := r.store.Update(context.Background(), store.Ref{Key: store.InstanceKey(service, id)},
		store.Reason{Code: store.Rotated}, func(x *store.Record) error {
			x.Tokens.Used[0]++
			return nil
		})
	if err != nil {
		r.Fatal(err)
	}
	return rec
}

func (r *rig) drop(service, id string) store.Revision {
	r.Helper()
	rev, err := r.store.Deregister(context.Background(), store.Ref{Key: store.InstanceKey(service, id)},
		store.Reason{Code: store.Deregistered})
	if err != nil {
		r.Fatal(err)
	}
	return rev
}

func (r *rig) list() store.Snapshot {
	r.Helper()
	snap, err := r.store.List(context.Background(), selector)
	if err != nil {
		r.Fatal(err)
	}
	return snap
}

// ids gives the IDs of a view.
func ids(v View) string {
	var out []string
	for item := range v.Items("") {
		out = append(out, item.Record().Key.ID)
	}
	return strings.Join(out, " ")
}

// tell gives changes as "+id" and "-id".
func tell(changes []*Change) string {
	var out []string
	for _, ch := range changes {
		if ch.After != nil {
			out = append(out, "+"+ch.After.ID())
		} else {
			out = append(out, "-"+ch.Before.ID())
		}
	}
	return strings.Join(out, " ")
}

// take gives what waits for the subscriber, sorted where all is of one revision.
func take(t *testing.T, s *Subscription) string {
	t.Helper()
	changes, err := s.Take()
	if err != nil {
		t.Fatal(err)
	}
	return tell(changes)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %q, want %q", what, got, want)
	}
}

// sorted gives words in order.
func sorted(words string) string {
	list := strings.Fields(words)
	slices.Sort(list)
	return strings.Join(list, " ")
}
