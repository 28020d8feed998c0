package metrics

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roster-sd/roster/check/share"
)

// TestChecks: what a node does about the checks, and what came of each.
func TestChecks(t *testing.T) {
	m := New("")
	st := share.Status{Targets: 5, Nodes: 2, Withheld: 3, Spared: 4, Doubting: true, Passed: 7, Failed: 8, Evicted: 9, Unwritten: 10}
	m.registry.MustRegister(checking(func() share.Status { return st }))
	m.Checked(nil, 2*time.Millisecond, 0)
	m.Checked(nil, 2*time.Millisecond, 2*time.Second)
	m.Checked(errors.New("x"), 2*time.Second, 0)
	has(t, page(t, m), "roster_check_targets 5", "roster_check_nodes 2", "roster_check_withheld 3", "roster_check_spared 4", "roster_check_doubting 1",
		`roster_check_verdicts_total{verdict="passing"} 7`, `roster_check_verdicts_total{verdict="failing"} 8`,
		`roster_check_verdicts_total{verdict="evicted"} 9`, "roster_check_write_failures_total 10",
		`roster_check_seconds_count{outcome="passed"} 2`, `roster_check_seconds_count{outcome="failed"} 1`,
		`roster_check_seconds_bucket{outcome="failed",le="1"} 0`, `roster_check_late_seconds_bucket{le="1"} 2`, "roster_check_late_seconds_count 3")
	st.Doubting = false
	has(t, page(t, m), "roster_check_doubting 0")
	if problems := prometheus.NewPedanticRegistry().Register(checking(func() share.Status { return st })); problems != nil {
		t.Error(problems)
	}
}
