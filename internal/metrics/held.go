package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roster-sd/roster/catalog"
)

var heldBy = prometheus.NewDesc("roster_instances_held_by_cause",
	"Instances kept past their deadline, by the evidence for that.", []string{"cause"}, nil)

// holds tells what is held: by a backend in this process for its pauses, and otherwise by
// the catalog.
type holds struct {
	catalog *catalog.Catalog
	backend func() int // nil where the backend holds nothing itself
}

// byCause gives how many are held for each cause that there can be.
func (h holds) byCause() map[catalog.Cause]int {
	if h.backend != nil {
		return map[catalog.Cause]int{catalog.Pause: h.backend()}
	}
	out := make(map[catalog.Cause]int, catalog.Causes)
	for cause, n := range h.catalog.Held() {
		out[catalog.Cause(cause)] = n
	}
	return out
}

func (h holds) total() float64 {
	sum := 0
	for _, n := range h.byCause() {
		sum += n
	}
	return float64(sum)
}

func (holds) Describe(ch chan<- *prometheus.Desc) { ch <- heldBy }

func (h holds) Collect(ch chan<- prometheus.Metric) {
	for cause, n := range h.byCause() {
		ch <- prometheus.MustNewConstMetric(heldBy, prometheus.GaugeValue, float64(n), cause.String())
	}
}
