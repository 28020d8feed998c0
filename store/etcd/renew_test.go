package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/internal/tcpproxy"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
)

// streams counts the streams that a store opens, by method.
type streams struct {
	keepAlive, messages atomic.Int64
}

func (s *streams) count(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := next(ctx, desc, cc, method, opts...)
	if err == nil && strings.HasSuffix(method, "/LeaseKeepAlive") {
		s.keepAlive.Add(1)
		return &counted{stream, s}, nil
	}
	return stream, err
}

type counted struct {
	grpc.ClientStream
	s *streams
}

func (c *counted) SendMsg(m any) error {
	c.s.messages.Add(1)
	return c.ClientStream.SendMsg(m)
}

// fleet registers n records and gives their refs.
func (f *fixture) fleet(n int, ttl time.Duration) []store.Ref {
	f.t.Helper()
	refs := make([]store.Ref, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := g; i < n; i += 16 {
				rec, err := f.Register(f.ctx, sample(store.InstanceKey("fleet", fmt.Sprint(i))), store.Grant{TTL: ttl})
				if errs[i] = err; err == nil {
					refs[i] = rec.Ref()
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		f.t.Fatal(err)
	}
	return refs
}

// However many renew, alone or in batches, there is one stream, and those that wait
// together for one lease share a message.
func TestOneStreamForAll(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	var s streams
	f := use(t, at(server).WithDial(grpc.WithChainStreamInterceptor(s.count)))
	refs := f.fleet(500, lasting)
	var wg sync.WaitGroup
	const callers, each = 50, 200
	for g := range callers {
		wg.Go(func() {
			for i := range each {
				rs, err := f.Renew(f.ctx, refs[(g*31+i)%len(refs):][:1])
				if err != nil || rs[0].Err != nil || rs[0].TTL != lasting {
					t.Errorf("Renew: %+v, %v", rs, err)
					return
				}
			}
		})
	}
	wg.Wait()
	var many []store.Ref
	for i := range 10_000 {
		many = append(many, refs[i%len(refs)])
	}
	sent := s.messages.Load()
	for i, r := range f.renew(many...) {
		if r.Err != nil || r.TTL != lasting {
			t.Fatalf("renewal %d of a batch: %+v", i, r)
		}
	}
	if n := s.messages.Load() - sent; n != int64(len(refs)) {
		t.Errorf("%d messages for 10,000 renewals of %d leases in one call", n, len(refs))
	}
	if n := s.keepAlive.Load(); n != 1 {
		t.Errorf("%d streams for %d renewals", n, callers*each+len(many))
	}
}

// The stream is lost again and again while renewals are under way: each of them is
// answered truthfully, and none fails for it.
func TestStreamBreaksInFlight(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	proxy, opts := behindProxy(t, server)
	f := use(t, opts)
	refs := f.fleet(200, lasting)
	stop := make(chan struct{})
	var done sync.WaitGroup
	var renewals, failed atomic.Int64
	for g := range 8 {
		done.Go(func() {
			for i := g; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				rs, err := f.Renew(f.ctx, refs[i%100:][:100])
				if err != nil {
					failed.Add(1)
					t.Errorf("Renew: %v", err)
					return
				}
				for _, r := range rs {
					if r.Err != nil || r.TTL != lasting {
						t.Errorf("a renewal: %+v", r)
						return
					}
				}
				renewals.Add(int64(len(rs)))
			}
		})
	}
	for range 8 {
		n := renewals.Load()
		eventually(t, "more renewals", func() bool { return renewals.Load() > n+500 || t.Failed() })
		proxy.Cut(tcpproxy.Reset)
		proxy.Heal()
	}
	close(stop)
	done.Wait()
	t.Logf("%d renewals over 8 broken connections, %d calls failed", renewals.Load(), failed.Load())
}

// Heartbeats of leases that are over, which etcd has not come to revoke yet, hold nobody
// else up. The late ones are told that they are too late.
func TestLateHeartbeatsHoldNobodyUp(t *testing.T) {
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	live := f.put(store.InstanceKey("user", "live"), lasting)
	epoch := live.Revision.Epoch
	// So many leases that end together are revoked over several seconds.
	const n, ttl = 2500, 6
	late := make([]store.Ref, n)
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		var wg sync.WaitGroup
		errs := make([]error, 16)
		for g := range errs {
			wg.Go(func() {
				for i := g; i < n && errs[g] == nil; i += len(errs) {
					key := store.InstanceKey("late", fmt.Sprint(i))
					late[i] = store.Ref{Key: key, Lease: etcd.NewLease(epoch, key)}
					errs[g] = grantAs(ctx, c, late[i].Lease, ttl)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	for _, r := range f.renew(late...) { // so that all end together
		if r.Err != nil {
			t.Skipf("the machine is too busy to grant %d leases within %d s", n, ttl)
		}
	}
	eventually(t, "the first leases to go", func() bool { return leases(server) < n })
	stop := make(chan struct{})
	var done sync.WaitGroup
	var tooLate, wrong, renewed atomic.Int64
	for g := range 4 {
		done.Go(func() {
			for i := n - 1 - g*100; i > n-100-g*100; i-- {
				select {
				case <-stop:
					return
				default:
				}
				rs, err := f.Renew(f.ctx, late[i:i+1])
				switch {
				case err != nil:
					wrong.Add(1)
				case rs[0].Err == nil:
					renewed.Add(1)
				default:
					tooLate.Add(1)
				}
			}
		})
	}
	worst, count := time.Duration(0), 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); count++ {
		began := time.Now()
		if r := f.renew(live.Ref()); r[0].Err != nil {
			t.Fatalf("Renew of a live lease: %v", r[0].Err)
		}
		worst = max(worst, time.Since(began))
	}
	close(stop)
	done.Wait()
	t.Logf("%d renewals of a live lease meanwhile, the slowest in %v; late ones: %d refused, %d in time, %d without an answer",
		count, worst.Round(time.Millisecond), tooLate.Load(), renewed.Load(), wrong.Load())
	if worst > 1500*time.Millisecond || tooLate.Load() == 0 {
		t.Error("late heartbeats hold others up, or there were none")
	}
}
