package metrics

import (
	"maps"
	"math"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
)

// Pauses are never told as shorter than they were, and none is left out.
func TestStops(t *testing.T) {
	h := &metrics.Float64Histogram{
		Buckets: []float64{math.Inf(-1), 0, .001, .002, .005, .006, math.Inf(1)},
		Counts:  []uint64{0, 1, 2, 4, 8, 16},
	}
	count, sum, atMost := summed(h, []float64{.001, .005, 1})
	if want := map[float64]uint64{.001: 1, .005: 7, 1: 15}; !maps.Equal(atMost, want) {
		t.Errorf("%v, want %v", atMost, want)
	}
	if want := .001 + 2*.002 + 4*.005 + 24*.006; count != 31 || math.Abs(sum-want) > 1e-9 {
		t.Errorf("%d pauses of %v s, want 31 of %v", count, sum, want)
	}
	runtime.GC()
	text := page(t, New(""))
	if !strings.Contains(text, `roster_gc_pause_seconds_bucket{le="0.005"} `) || strings.Contains(text, "roster_gc_pause_seconds_count 0\n") {
		t.Error("no pauses are told after a collection")
	}
}
