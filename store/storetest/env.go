package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// lasting is the TTL of leases that must not end during a subtest.
const lasting = 30 * time.Minute

// env is what one subtest works with: a keyspace of its own and a first store on it.
type env struct {
	t       *testing.T
	ctx     context.Context
	h       Harness
	cluster Cluster
	s       store.Store
	caps    store.Capabilities
	unit    time.Duration // the TTL of a short lease
	marks   *int          // written so far on the keyspace
}

func newEnv(t *testing.T, h Harness) *env {
	t.Helper()
	e := &env{t: t, ctx: t.Context(), h: h, cluster: h.Open(t), unit: h.MinTTL, marks: new(int)}
	if e.cluster.Node == nil {
		t.Fatal("Harness.Open gave a Cluster without Node")
	}
	e.s = e.node()
	e.caps = e.s.Capabilities()
	return e
}

// node opens one more store on the keyspace and closes it at the end of the subtest.
func (e *env) node() store.Store {
	e.t.Helper()
	s := e.cluster.Node(e.t)
	e.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			e.t.Errorf("Close at the end: %v", err)
		}
	})
	return s
}

// register is Register where success is a matter of course.
func (e *env) register(in store.Record, g store.Grant) *store.Record {
	e.t.Helper()
	rec, err := e.s.Register(e.ctx, in, g)
	if err != nil {
		e.t.Fatalf("Register(%v, %+v): %v", in.Key, g, err)
	}
	if rec == nil {
		e.t.Fatalf("Register(%v) gave neither record nor error", in.Key)
	}
	return rec
}

// put registers the sample record of a key.
func (e *env) put(key store.Key, ttl time.Duration) *store.Record {
	e.t.Helper()
	return e.register(sample(key), store.Grant{TTL: ttl})
}

func (e *env) get(key store.Key) *store.Record {
	e.t.Helper()
	rec, err := e.s.Get(e.ctx, key)
	if err != nil {
		e.t.Fatalf("Get(%v): %v", key, err)
	}
	return rec
}

func (e *env) list(sel store.Selector) store.Snapshot {
	e.t.Helper()
	snap, err := e.s.List(e.ctx, sel)
	if err != nil {
		e.t.Fatalf("List(%+v): %v", sel, err)
	}
	return snap
}

// renew renews one ref.
func (e *env) renew(ref store.Ref) store.Renewal {
	e.t.Helper()
	return e.renewAll([]store.Ref{ref})[0]
}

func (e *env) renewAll(refs []store.Ref) []store.Renewal {
	e.t.Helper()
	got, err := e.s.Renew(e.ctx, refs)
	if err != nil {
		e.t.Fatalf("Renew of %d refs: %v", len(refs), err)
	}
	if len(got) != len(refs) {
		e.t.Fatalf("Renew of %d refs gave %d results", len(refs), len(got))
	}
	return got
}

func (e *env) update(ref store.Ref, why store.Reason, change func(*store.Record) error) *store.Record {
	e.t.Helper()
	rec, err := e.s.Update(e.ctx, ref, why, change)
	if err != nil {
		e.t.Fatalf("Update(%v): %v", ref, err)
	}
	return rec
}

func (e *env) deregister(ref store.Ref, why store.Reason) store.Revision {
	e.t.Helper()
	rev, err := e.s.Deregister(e.ctx, ref, why)
	if err != nil {
		e.t.Fatalf("Deregister(%v): %v", ref, err)
	}
	return rev
}

func (e *env) tombstones(key store.Key) []store.Tombstone {
	e.t.Helper()
	stones, err := e.s.Tombstones(e.ctx, key)
	if err != nil {
		e.t.Fatalf("Tombstones(%v): %v", key, err)
	}
	return stones
}

// wants checks that err is of the kind and has the form of a store's error.
func (e *env) wants(err, kind error, doing string) {
	e.t.Helper()
	if !errors.Is(err, kind) {
		e.t.Fatalf("%s: error is %v, want %v", doing, err, kind)
	}
	if why := malformed(err, e.caps.Backend); why != "" {
		e.t.Errorf("%s: the error %q %s", doing, err, why)
	}
}

// wantsLost checks for an error that says the lease or the record is gone.
func (e *env) wantsLost(err error, doing string) {
	e.t.Helper()
	if !isLost(err) {
		e.t.Fatalf("%s: error is %v, want ErrLeaseLost or ErrNotFound", doing, err)
	}
}

func isLost(err error) bool {
	return errors.Is(err, store.ErrLeaseLost) || errors.Is(err, store.ErrNotFound)
}

// malformed tells what an error of a store lacks.
func malformed(err error, backend string) string {
	var of *store.Error
	if !errors.As(err, &of) {
		return "is no *store.Error"
	}
	switch {
	case of.Op == "" || of.Op != strings.ToLower(of.Op):
		return fmt.Sprintf("has the Op %q, want the method in lower case", of.Op)
	case of.Backend != backend:
		return fmt.Sprintf("has the Backend %q, want %q", of.Backend, backend)
	case of.Kind == nil:
		return "has no Kind"
	case !strings.HasPrefix(err.Error(), of.Op):
		return "does not start with its Op"
	}
	return ""
}

// gone checks that neither Get nor List shows the key.
func (e *env) gone(key store.Key) {
	e.t.Helper()
	rec, err := e.s.Get(e.ctx, key)
	if err == nil {
		e.t.Fatalf("Get(%v) gave %+v, want nothing", key, *rec)
	}
	e.wants(err, store.ErrNotFound, "Get of a record that is gone")
	if n := len(e.list(store.Selector(key)).Records); n != 0 {
		e.t.Fatalf("List shows %d records of %v after Get did not", n, key)
	}
}

// alive checks that Get and List show the record as it is.
func (e *env) alive(want *store.Record) {
	e.t.Helper()
	if why := e.hides(want); why != "" {
		e.t.Fatal(why)
	}
}

// hides tells what is wrong with what Get and List show of the record.
func (e *env) hides(want *store.Record) string {
	got, err := e.s.Get(e.ctx, want.Key)
	if err != nil {
		return fmt.Sprintf("Get(%v): %v", want.Key, err)
	}
	if d := differ(want, got); d != "" {
		return fmt.Sprintf("Get(%v): %s", want.Key, d)
	}
	snap, err := e.s.List(e.ctx, store.Selector(want.Key))
	if err != nil || len(snap.Records) != 1 {
		return fmt.Sprintf("List of %v has %d records, want 1; error %v", want.Key, len(snap.Records), err)
	}
	if d := differ(want, snap.Records[0]); d != "" {
		return fmt.Sprintf("List of %v: %s", want.Key, d)
	}
	return ""
}
