package history

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verdict is what a check found.
type Verdict struct {
	Invariant string
	Checked   int      // how many facts it looked at
	Broken    []string // what does not fit, in words
	Excused   int      // facts that prove nothing, as an owner was late itself
	Times     []Times
}

// Times are measurements of one thing.
type Times struct {
	Of      string
	Samples []time.Duration
}

func (v *Verdict) broken(format string, args ...any) {
	v.Broken = append(v.Broken, fmt.Sprintf(format, args...))
}

// String gives the verdict in one line: what was broken of what was checked, and the times.
func (v *Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d/%d", v.Invariant, len(v.Broken), v.Checked)
	if v.Excused > 0 {
		fmt.Fprintf(&b, " (%d excused)", v.Excused)
	}
	for _, t := range v.Times {
		if len(t.Samples) > 0 {
			fmt.Fprintf(&b, " %s p50 %s p99 %s max %s of %d", t.Of, short(t.Percentile(50)), short(t.Percentile(99)),
				short(t.Percentile(100)), len(t.Samples))
		}
	}
	return b.String()
}

// Percentile gives the least sample that so many of a hundred do not exceed; 0 of none.
func (t Times) Percentile(p int) time.Duration {
	if len(t.Samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.Samples))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func short(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// Check runs all checks.
func Check(h *History) []*Verdict {
	return []*Verdict{Evictions(h), Departures(h), Visibility(h), Replays(h), Durability(h), Outages(h), Order(h)}
}
