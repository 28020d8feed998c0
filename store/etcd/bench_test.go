package etcd_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
)

// The server of benchmarks does fsync: what is measured is what is promised.
func bench(b *testing.B) (*etcdtest.Server, *fixture) {
	b.Helper()
	server := etcdtest.Start(b, etcdtest.Options{})
	return server, use(b, at(server))
}

func BenchmarkRenew(b *testing.B) {
	_, f := bench(b)
	refs := f.fleet(2000, lasting)
	check := func(b *testing.B, rs []store.Renewal, err error) {
		if err != nil || rs[0].Err != nil {
			b.Fatalf("Renew: %v, %v", rs, err)
		}
	}
	b.Run("one", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			rs, err := f.Renew(f.ctx, refs[i%len(refs):][:1])
			check(b, rs, err)
		}
	})
	for _, at := range []int{8, 64} {
		b.Run(fmt.Sprintf("parallel-%d", at), func(b *testing.B) {
			var n atomic.Int64
			b.SetParallelism(at / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := int(n.Add(1))
					rs, err := f.Renew(f.ctx, refs[i%len(refs):][:1])
					check(b, rs, err)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "renewals/s")
		})
	}
	b.Run("batch-1000", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			rs, err := f.Renew(f.ctx, refs[i%2*1000:][:1000])
			check(b, rs, err)
		}
		b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "renewals/s")
	})
}

// One heartbeat after the other while others renew 2,000 leases a call: how long one takes, and
// how many the others renew.
func BenchmarkRenewBesideBatches(b *testing.B) {
	_, f := bench(b)
	refs := f.fleet(2001, lasting)
	ctx, stop := context.WithCancel(f.ctx)
	var renewed atomic.Int64
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for ctx.Err() == nil {
				if rs, err := f.Renew(ctx, refs[1:]); err == nil && rs[0].Err == nil {
					renewed.Add(int64(len(rs)))
				}
			}
		})
	}
	var took []time.Duration
	began := time.Now()
	for b.Loop() {
		at := time.Now()
		if rs, err := f.Renew(f.ctx, refs[:1]); err != nil || rs[0].Err != nil {
			b.Fatalf("Renew: %v, %v", rs, err)
		}
		took = append(took, time.Since(at))
	}
	lasted := time.Since(began)
	stop()
	calls.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(renewed.Load())/lasted.Seconds(), "renewals/s")
}

// A registration is a grant and a transaction; the others are what etcd itself does.
func BenchmarkRegister(b *testing.B) {
	server, f := bench(b)
	c := server.Client()
	value := `{"format":1,"reads":1,"` + fmt.Sprintf("%0300d", 1) + `":1}`
	var n atomic.Int64
	run := func(name string, do func(i int) error) {
		for _, at := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s-%d", name, at), func(b *testing.B) {
				work := func() {
					if err := do(int(n.Add(1))); err != nil {
						b.Error(err)
					}
				}
				if at == 1 {
					for b.Loop() {
						work()
					}
				} else {
					b.SetParallelism(at / 2)
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							work()
						}
					})
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			})
		}
	}
	run("raw-put", func(i int) error {
		_, err := c.Put(f.ctx, fmt.Sprint("/raw/", i), value)
		return err
	})
	run("raw-grant-and-put", func(i int) error {
		g, err := c.Grant(f.ctx, 600)
		if err == nil {
			_, err = c.Put(f.ctx, fmt.Sprint("/raw/", i), value, clientv3.WithLease(g.ID))
		}
		return err
	})
	run("absent", func(i int) error {
		_, err := f.Register(f.ctx, sample(store.InstanceKey("user", fmt.Sprint(i))), store.Grant{TTL: lasting, If: store.Condition{Absent: true}})
		return err
	})
	run("any", func(i int) error {
		_, err := f.Register(f.ctx, sample(store.InstanceKey("user", fmt.Sprint(i))), store.Grant{TTL: lasting})
		return err
	})
	run("replace", func(i int) error {
		_, err := f.Register(f.ctx, sample(store.InstanceKey("some", fmt.Sprint(i%500))), store.Grant{TTL: lasting})
		return err
	})
	run("update", func(i int) error {
		_, err := f.Update(f.ctx, store.Ref{Key: store.InstanceKey("some", fmt.Sprint(i%500))}, someone, func(r *store.Record) error { r.Instance.PID = i; return nil })
		return err
	})
}

func BenchmarkGet(b *testing.B) {
	_, f := bench(b)
	key := f.put(store.InstanceKey("user", "1"), lasting).Key
	for b.Loop() {
		if _, err := f.Get(f.ctx, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList10000(b *testing.B) {
	_, f := bench(b)
	f.fleet(10_000, lasting)
	for b.Loop() {
		if n := len(f.list().Records); n != 10_000 {
			b.Fatalf("%d records", n)
		}
	}
}

// How late deaths are announced: each alone, and 2,000 that are due at about one time.
func BenchmarkExpiry(b *testing.B) {
	for _, n := range []int{1, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, f := bench(b)
			var worst, sum time.Duration
			total := 0
			for b.Loop() {
				w := f.watch(f.list().Revision)
				f.fleet(n, 3*time.Second)
				due := map[store.Key]time.Time{}
				for deaths := 0; deaths < n; {
					batch, err := next(b, w, 30*time.Second)
					if err != nil {
						b.Fatal(err)
					}
					now := time.Now()
					for _, ev := range batch.Events {
						if !ev.Deleted() {
							due[ev.Key()] = ev.Record.RegisteredAt.Time().Add(ev.Record.TTL)
							continue
						}
						late := now.Sub(due[ev.Key()])
						worst, sum = max(worst, late), sum+late
						deaths++
						total++
					}
				}
			}
			b.ReportMetric(float64(worst.Milliseconds()), "ms-latest")
			b.ReportMetric(float64(sum.Milliseconds())/float64(total), "ms-late")
		})
	}
}

// Renewals through a cluster of three, whichever member the client has chosen.
func BenchmarkRenewCluster(b *testing.B) {
	cluster := etcdtest.StartCluster(b, 3, etcdtest.Options{})
	f := use(b, etcd.Options{Endpoints: cluster.Endpoints()})
	refs := f.fleet(2000, lasting)
	for i := 0; b.Loop(); i++ {
		if rs, err := f.Renew(f.ctx, refs[i%2*1000:][:1000]); err != nil || rs[0].Err != nil {
			b.Fatalf("Renew: %v, %v", rs, err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "renewals/s")
}
