package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roster-sd/roster/check/share"
)

var (
	checkTargets  = prometheus.NewDesc("roster_check_targets", "Instances that this node checks.", nil, nil)
	checkNodes    = prometheus.NewDesc("roster_check_nodes", "Nodes that share the checks, as this node sees it; 0 while it takes no part.", nil, nil)
	checkDoubting = prometheus.NewDesc("roster_check_doubting", "1 while this node reports no failure, because more than half of its checks fail at once.", nil, nil)
	checkWithheld = prometheus.NewDesc("roster_check_withheld", "Instances whose failure this node has not reported, because it doubts itself.", nil, nil)
	checkSpared   = prometheus.NewDesc("roster_check_spared", "Instances that asked to be removed and are kept, because nearly all of their service fail.", nil, nil)
	checkVerdicts = prometheus.NewDesc("roster_check_verdicts_total", "Changes that checks of this node wrote, by what was found.", []string{"verdict"}, nil)
	checkFailures = prometheus.NewDesc("roster_check_write_failures_total", "Attempts to write what a check found that failed.", nil, nil)
)

// checking reads one status for all of its metrics.
type checking func() share.Status

func (checking) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{checkTargets, checkNodes, checkDoubting, checkWithheld, checkSpared, checkVerdicts, checkFailures} {
		ch <- d
	}
}

func (read checking) Collect(ch chan<- prometheus.Metric) {
	s := read()
	gauge := func(d *prometheus.Desc, v int) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(checkTargets, s.Targets)
	gauge(checkNodes, s.Nodes)
	gauge(checkWithheld, s.Withheld)
	gauge(checkSpared, s.Spared)
	if s.Doubting {
		gauge(checkDoubting, 1)
	} else {
		gauge(checkDoubting, 0)
	}
	counter(checkVerdicts, s.Passed, "passing")
	counter(checkVerdicts, s.Failed, "failing")
	counter(checkVerdicts, s.Evicted, "evicted")
	counter(checkFailures, s.Unwritten)
}
