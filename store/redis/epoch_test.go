package redis

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// heardOf collects disturbances.
type heardOf struct {
	mu  sync.Mutex
	all []store.Disturbance
}

func (h *heardOf) note(d store.Disturbance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, d)
}

func (h *heardOf) list() []store.Disturbance {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]store.Disturbance(nil), h.all...)
}

// newEpoch waits until the store is in another epoch than a revision's, and gives its list.
func (f fixture) newEpoch(old store.Revision) store.Snapshot {
	f.Helper()
	var snap store.Snapshot
	f.eventually("a new epoch", func() bool {
		var err error
		if snap, err = f.List(f.Context(), store.Selector{}); err != nil {
			f.wants(err, store.ErrUnavailable)
			return false
		}
		return snap.Revision.Epoch != old.Epoch
	})
	return snap
}

func TestFlushAll(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	var told heardOf
	f := open(t, Options{Addresses: []string{server.Addr()}, OnDisturbance: told.note})
	other := f.node()
	rec := f.register("1", time.Hour)
	w, wo := f.watch(rec.Revision), other.watch(rec.Revision)
	server.Do("FLUSHALL")
	// Nobody calls anything: the watchers notice by themselves.
	f.breaks(w, store.ErrCompacted)
	f.breaks(wo, store.ErrCompacted)
	snap := f.newEpoch(rec.Revision)
	if len(snap.Records) != 0 || snap.Revision.Number <= rec.Revision.Number {
		t.Errorf("the new epoch begins with %d records at %v, after %v", len(snap.Records), snap.Revision, rec.Revision)
	}
	if again := other.newEpoch(rec.Revision); again.Revision.Epoch != snap.Revision.Epoch {
		t.Errorf("two nodes are in the epochs %v and %v", snap.Revision, again.Revision)
	}
	if d := told.list(); len(d) == 0 || !d[0].From.Before(d[0].At) {
		t.Errorf("told of %+v", d)
	}
	if next := f.register("1", time.Hour); next.Generation <= rec.Generation {
		t.Errorf("generation %d follows %d, which Redis has forgotten", next.Generation, rec.Generation)
	}
}

// A restart is a new epoch, even if everything is still there: nobody can know that it is.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprintf("keeping its data %v", keep), func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, redistest.Options{AppendOnly: true})
			var told heardOf
			f := open(t, Options{Addresses: []string{server.Addr()}, OnDisturbance: told.note})
			rec, gone := f.register("1", time.Hour), f.register("2", time.Hour)
			if _, err := f.Deregister(t.Context(), gone.Ref(), store.Reason{}); err != nil {
				t.Fatal(err)
			}
			w := f.watch(rec.Revision)
			f.next(w)
			server.Restart(keep)
			f.breaks(w, store.ErrCompacted, store.ErrUnavailable)
			snap := f.newEpoch(rec.Revision)
			if len(told.list()) == 0 {
				t.Error("nobody was told")
			}
			if snap.Revision.Number <= gone.Revision.Number {
				t.Errorf("the new epoch begins at %v, after %v", snap.Revision, gone.Revision)
			}
			out, err := f.Renew(t.Context(), []store.Ref{rec.Ref(), gone.Ref()})
			if err != nil {
				t.Fatal(err)
			}
			if !keep {
				f.wants(out[0].Err, store.ErrNotFound)
				return
			}
			f.wants(out[1].Err, store.ErrLeaseLost)
			if out[0].Err != nil || len(snap.Records) != 1 || snap.Records[0].Generation != rec.Generation {
				t.Errorf("after the restart: %v, %d records", out[0].Err, len(snap.Records))
			}
			if past, err := f.History(t.Context(), store.Selector{}, 100); err != nil || len(past) != 3 || past[0].Revision != rec.Revision {
				t.Errorf("the history has %d events of the time before, %v", len(past), err)
			}
			// The old record's number is not one to watch from in the new epoch.
			_, err = f.Watch(t.Context(), store.Selector{}, store.Revision{Epoch: snap.Revision.Epoch, Number: rec.Revision.Number})
			f.wants(err, store.ErrCompacted)
		})
	}
}

// A replica that did not get the last writes is promoted. Whoever read them must not go on
// as if they had not been: the numbers come again.
func TestStaleReplicaPromoted(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.Options{})
	spare := master.Replica(t)
	var told heardOf
	f := open(t, Options{Addresses: []string{master.Addr(), spare.Addr()}, OnDisturbance: told.note})
	f.register("kept", time.Hour)
	spare.InSync()
	spare.Detach()
	var last *store.Record
	for i := range 10 {
		last = f.register(fmt.Sprint("lost-", i), time.Hour)
	}
	reader := f.node()
	w := reader.watch(last.Revision)
	master.Kill()
	spare.Promote()
	snap := f.newEpoch(last.Revision)
	if len(snap.Records) != 1 || snap.Records[0].Key.ID != "kept" {
		t.Errorf("the promoted replica has %d records", len(snap.Records))
	}
	if snap.Revision.Number <= last.Revision.Number {
		t.Errorf("the new epoch begins at %v, after %v", snap.Revision, last.Revision)
	}
	next := f.register("lost-0", time.Hour)
	if next.Generation <= last.Generation {
		t.Errorf("generation %d follows %d, which the replica never had", next.Generation, last.Generation)
	}
	reader.breaks(w, store.ErrUnavailable, store.ErrCompacted)
	_, err := reader.Watch(t.Context(), store.Selector{}, last.Revision)
	reader.wants(err, store.ErrCompacted)
	if len(told.list()) == 0 {
		t.Error("nobody was told")
	}
}

// A past that was rewritten on the very same server, up to numbers beyond those that were
// read, shows in nothing but the nonce of the last entry.
func TestNonceOfTheLastEntry(t *testing.T) {
	t.Parallel()
	f := open(t, Options{Addresses: []string{redistest.Shared(t).Addr()}, SweepInterval: time.Hour})
	f.register("1", 0)
	server := raw(t, f.opts.Addresses[0])
	rewrite := server.rewrite(f.opts.Prefix)
	var last *store.Record
	for range 5 {
		last = f.register("2", 0)
	}
	w := f.watch(last.Revision)
	late := f.node() // it has a watcher that has not read anything yet
	wl := late.watch(last.Revision)
	rewrite(last.Revision.Number + 20)
	f.breaks(w, store.ErrCompacted)
	late.breaks(wl, store.ErrCompacted)
	f.newEpoch(last.Revision)
}

// Writes are refused in the moment in which the server is another one, before any look at it.
func TestNoWriteAcrossEpochs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{})
	f := open(t, Options{Addresses: []string{server.Addr()}, SweepInterval: time.Hour})
	old := f.register("1", time.Hour)
	spare := server.Replica(t) // the first replica: another master_replid
	spare.InSync()
	next := f.register("1", time.Hour)
	if next.Revision.Epoch == old.Revision.Epoch {
		t.Errorf("a write after the change is at %v, as before", next.Revision)
	}
	if next.Revision.Number < old.Revision.Number+2 {
		t.Errorf("from %v to %v there is no place for the begin of an epoch", old.Revision, next.Revision)
	}
}

// The number of a node's own last write is enough to notice a past without it.
func TestNumbersGoBack(t *testing.T) {
	t.Parallel()
	f := open(t, Options{Addresses: []string{redistest.Shared(t).Addr()}, SweepInterval: time.Hour})
	f.register("1", 0)
	rollback := raw(t, f.opts.Addresses[0]).checkpoint(f.opts.Prefix)
	last := f.register("2", 0)
	rollback()
	if next := f.register("3", 0); next.Revision.Epoch == last.Revision.Epoch {
		t.Errorf("after the loss of %v a write is at %v", last.Revision, next.Revision)
	}
}

// A keyspace of a layout that a later build made is left alone.
func TestUnknownLayout(t *testing.T) {
	t.Parallel()
	f := onShared(t)
	f.register("1", 0)
	raw(t, f.opts.Addresses[0]).do("HSET", "{"+f.opts.Prefix+"}:m", "layout", "2", "epoch", "other")
	f.refusesToRegister(store.ErrUnavailable)
}
