package redis

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// One heartbeat after the other while others renew 10,000 leases a call: how long one takes, and
// how many the others renew.
func BenchmarkRenewBesideBatches(b *testing.B) {
	s := benchStore(b)
	refs := benchRefs(b, s, 2000)
	large := slices.Repeat(refs, 5)
	ctx, stop := context.WithCancel(context.Background())
	var batches atomic.Int64
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for ctx.Err() == nil {
				if out, err := s.Renew(ctx, large); err == nil && out[0].Err == nil {
					batches.Add(1)
				}
			}
		})
	}
	took := make([]time.Duration, 0, b.N)
	began := time.Now()
	for b.Loop() {
		at := time.Now()
		mustRenew(b, s, refs[:1])
		took = append(took, time.Since(at))
	}
	lasted := time.Since(began)
	stop()
	calls.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(batches.Load())*float64(len(large))/lasted.Seconds(), "renewals/s")
}
