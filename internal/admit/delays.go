package admit

import (
	"math"
	"runtime/metrics"
	"time"
)

// delays reads for how long goroutines that could run had to wait for a processor.
type delays struct {
	sample []metrics.Sample
	counts []uint64 // as last read
}

func newDelays() *delays {
	d := &delays{sample: []metrics.Sample{{Name: "/sched/latencies:seconds"}}}
	d.last()
	return d
}

// last gives the delay of one in a hundred since it was last called; 0 where none had to
// wait, or where the runtime does not tell. It is for one goroutine.
func (d *delays) last() time.Duration {
	metrics.Read(d.sample)
	if d.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	h := d.sample[0].Value.Float64Histogram()
	if len(d.counts) != len(h.Counts) {
		d.counts = make([]uint64, len(h.Counts))
	}
	total := uint64(0)
	fresh := make([]uint64, len(h.Counts))
	for i, n := range h.Counts {
		fresh[i] = n - d.counts[i]
		d.counts[i] = n
		total += fresh[i]
	}
	return quantile(fresh, h.Buckets, total)
}

// quantile gives the lower bound of the bucket in which the slowest hundredth begins.
func quantile(counts []uint64, bounds []float64, total uint64) time.Duration {
	slowest := (total + 99) / 100
	if slowest == 0 {
		return 0
	}
	seen := uint64(0)
	for i := len(counts) - 1; i >= 0; i-- {
		if seen += counts[i]; seen >= slowest {
			return time.Duration(math.Max(bounds[i], 0) * float64(time.Second))
		}
	}
	return 0
}
