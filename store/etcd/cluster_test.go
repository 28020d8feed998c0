package etcd_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
)

// load registers, updates and removes through a store until it is stopped, and knows what
// was acknowledged.
type load struct {
	stop  chan struct{}
	done  sync.WaitGroup
	calls atomic.Int64
	fails atomic.Int64

	mu    sync.Mutex
	acked map[store.Key]*store.Record // nil: removed
	wild  map[store.Key]bool          // keys whose last call failed: nothing is known of them
}

func start(f *fixture, name string, writers int) *load {
	l := &load{stop: make(chan struct{}), acked: map[store.Key]*store.Record{}, wild: map[store.Key]bool{}}
	for i := range writers {
		l.done.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-l.stop:
					return
				default:
				}
				l.write(f, store.InstanceKey(fmt.Sprint(name, i), fmt.Sprint(k%40)), k)
			}
		})
	}
	return l
}

func (l *load) write(f *fixture, key store.Key, k int) {
	l.mu.Lock()
	was := l.acked[key]
	l.mu.Unlock()
	var rec *store.Record
	var err error
	switch {
	case was != nil && k%7 == 0:
		_, err = f.Deregister(f.ctx, was.Ref(), someone)
	case was != nil && k%2 == 0:
		rec, err = f.Update(f.ctx, was.Ref(), someone, func(r *store.Record) error { r.Instance.PID = k; return nil })
	default:
		rec, err = f.Register(f.ctx, sample(key), store.Grant{TTL: lasting})
	}
	l.calls.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wild[key] = err != nil; err != nil {
		l.fails.Add(1)
		delete(l.acked, key)
		return
	}
	l.acked[key] = rec
}

// check compares what was acknowledged with what a store gives.
func (l *load) check(f *fixture) {
	f.t.Helper()
	close(l.stop)
	l.done.Wait()
	listed := map[store.Key]*store.Record{}
	for _, rec := range f.list().Records {
		listed[rec.Key] = rec
	}
	lost, checked := 0, 0
	for key, want := range l.acked {
		if l.wild[key] {
			continue
		}
		checked++
		if got := listed[key]; want == nil && got != nil || want != nil && (got == nil || got.Revision != want.Revision || got.Lease != want.Lease) {
			lost++
			f.t.Errorf("acknowledged %+v, the store has %+v", want, got)
		}
	}
	f.t.Logf("%d calls, %d failed; %d keys checked, %d acknowledged writes lost", l.calls.Load(), l.fails.Load(), checked, lost)
	if checked == 0 || l.calls.Load() < 100 {
		f.t.Error("too little happened to tell")
	}
}

// The leader is killed while two nodes write: no acknowledged write is lost, and writes
// go on within seconds.
func TestLeaderKilled(t *testing.T) {
	cluster := etcdtest.StartCluster(t, 3, quick)
	var told atomic.Int64
	a := use(t, brisk(etcd.Options{Endpoints: cluster.Endpoints(), OnDisturbance: func(d store.Disturbance) {
		if d.At.Before(d.From) || d.Why == "" {
			t.Errorf("a disturbance from %v to %v: %q", d.From, d.At, d.Why)
		}
		told.Add(1)
	}}))
	b := use(t, brisk(etcd.Options{Endpoints: cluster.Endpoints()}))
	a.watch(a.list().Revision) // who watches looks at etcd all the time
	la, lb := start(a, "a", 3), start(b, "b", 3)
	eventually(t, "some writes", func() bool { return la.calls.Load() > 100 && lb.calls.Load() > 100 })
	leader := cluster.Leader()
	leader.Kill()
	killed := time.Now()
	before := la.calls.Load() - la.fails.Load()
	eventually(t, "writes again", func() bool { return la.calls.Load()-la.fails.Load() > before+200 })
	t.Logf("200 writes went through within %v of the kill", time.Since(killed).Round(time.Millisecond))
	leader.Restart(true)
	la.check(a)
	lb.check(b)
	if told.Load() == 0 {
		t.Error("a change of leader was not told")
	}
}

// A leader that is stopped, and not gone, holds calls up for a moment only: others are
// asked instead.
func TestLeaderStopped(t *testing.T) {
	cluster := etcdtest.StartCluster(t, 3, quick)
	f := use(t, brisk(etcd.Options{Endpoints: cluster.Endpoints()}))
	rec := f.put(store.InstanceKey("user", "1"), lasting)
	leader := cluster.Leader()
	leader.Pause()
	defer leader.Resume()
	stopped := time.Now()
	eventually(t, "writes and renewals in a row", func() bool {
		for range 20 {
			rs, err := f.Renew(f.ctx, []store.Ref{rec.Ref()})
			if err != nil || rs[0].Err != nil {
				return false
			}
			_, err = f.Update(f.ctx, rec.Ref(), someone, func(r *store.Record) error { r.Instance.PID++; return nil })
			if err != nil {
				return false
			}
		}
		return true
	})
	t.Logf("all is well %v after the leader was stopped", time.Since(stopped).Round(time.Millisecond))
	if took := time.Since(stopped); took > 3*prompt/2 { // a member that does not answer costs each of 40 calls a second or two
		t.Errorf("it took %v", took)
	}
}
