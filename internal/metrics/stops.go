package metrics

import (
	"math"
	"runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"
)

var stopSeconds = prometheus.NewDesc("roster_gc_pause_seconds",
	"Times for which the garbage collector stopped the whole process, two for each collection.", nil, nil)

// stopBounds are the bounds of what is told, in seconds: fine enough to see whether the 99th
// percentile is below the 5 ms that a node should keep.
var stopBounds = []float64{.000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}

// stops tells how long the runtime stopped all goroutines for the garbage collector. The
// runtime keeps far more buckets; the Go collector of the Prometheus client tells them in powers
// of ten, and of its summary only the last 256.
type stops struct{}

func (stops) Describe(ch chan<- *prometheus.Desc) { ch <- stopSeconds }

func (stops) Collect(ch chan<- prometheus.Metric) {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram { // of another runtime
		return
	}
	count, sum, buckets := summed(sample[0].Value.Float64Histogram(), stopBounds)
	ch <- prometheus.MustNewConstHistogram(stopSeconds, count, sum, buckets)
}

// summed gives a histogram of the runtime with fewer bounds, as Prometheus counts: how many are
// at most each bound. A bucket counts where its upper end is, so no pause is told as shorter
// than it was. The sum is that of the upper ends, and so at most a little too large.
func summed(h *metrics.Float64Histogram, bounds []float64) (count uint64, sum float64, atMost map[float64]uint64) {
	atMost = make(map[float64]uint64, len(bounds))
	for _, bound := range bounds {
		atMost[bound] = 0
	}
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		upper, known := h.Buckets[i+1], true
		if math.IsInf(upper, 1) {
			upper, known = h.Buckets[i], false // above all bounds
		}
		count += n
		sum += float64(n) * upper
		for _, bound := range bounds {
			if known && upper <= bound {
				atMost[bound] += n
			}
		}
	}
	return count, sum, atMost
}
