package bench

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable makes a table with the columns; those named in right have their cells there.
func newTable(columns []string, right ...string) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	head := table.Row{}
	var aligned []table.ColumnConfig
	for i, name := range columns {
		head = append(head, name)
		if slices.Contains(right, name) {
			aligned = append(aligned, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(head)
	t.SetColumnConfigs(aligned)
	return t
}

// table has two lines for each row: the other server, if there is one, and Roster.
func (r *Report) table() string {
	right := []string{"body B", "req/s", "CPU µs/req", "backend's", "p50 µs", "p99 µs", "req/s ×", "CPU ×", "goal"}
	t := newTable([]string{"case", "backend", "protocol", "body B", "server", "req/s", "CPU µs/req", "backend's", "p50 µs", "p99 µs", "req/s ×", "CPU ×", "goal", "met", "rounds"}, right...)
	for _, row := range r.Rows {
		line := table.Row{row.Case, row.Backend, row.Protocol, grouped(float64(row.BodyBytes))}
		if row.Against != "" {
			t.AppendRow(append(append(line, row.Against), cells(row.Other)...))
			line = table.Row{"", "", "", ""}
		}
		goal, reached := "", ""
		if row.Goal > 0 {
			goal, reached = fmt.Sprintf("≥ %.2f", row.Goal), met(row.Met)
		}
		line = append(append(line, ServerRoster), cells(row.Roster)...)
		t.AppendRow(append(line, ratio(row.RatioRequests), ratio(row.RatioCPU), goal, reached, rounds(row.Rounds, row.Discarded, row.Disturbed)))
	}
	return t.Render()
}

func cells(f Figures) table.Row {
	backend := ""
	if f.BackendCPUMicros > 0 {
		backend = fmt.Sprintf("%.1f", f.BackendCPUMicros)
	}
	return table.Row{grouped(f.RequestsPerSecond), fmt.Sprintf("%.1f", f.CPUMicros), backend, grouped(f.P50Micros), grouped(f.P99Micros)}
}

// ratio leaves out what there is none of.
func ratio(f float64) string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", f)
}

func (r *Report) evictionTable() string {
	right := []string{"stay", "die at once", "window ms", "p50 ms", "p99 ms", "max ms", "goal"}
	t := newTable([]string{"case", "backend", "protocol", "stay", "die at once", "window ms", "p50 ms", "p99 ms", "max ms", "goal", "met", "waves"}, right...)
	for _, e := range r.Evictions {
		goal, reached := "", ""
		if e.GoalMillis > 0 {
			goal, reached = fmt.Sprintf("p99 ≤ %.0f", e.GoalMillis), met(e.Met)
		}
		line := table.Row{caseEviction, e.Backend, e.Protocol, grouped(float64(e.Instances)), grouped(float64(e.Dying))}
		for _, ms := range []float64{e.WindowMillis, e.P50Millis, e.P99Millis, e.MaxMillis} {
			line = append(line, fmt.Sprintf("%.1f", ms))
		}
		t.AppendRow(append(line, goal, reached, rounds(e.Waves, e.Discarded, e.Disturbed)))
	}
	return t.Render()
}

// rounds tells how many count, of how many.
func rounds(clean, discarded int, disturbed bool) string {
	out := strconv.Itoa(clean)
	if discarded > 0 {
		out += fmt.Sprintf(" of %d", clean+discarded)
	}
	if disturbed {
		out += " !"
	}
	return out
}

func met(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// grouped writes a number without decimals, its digits in groups of three.
func grouped(f float64) string {
	s := strconv.FormatFloat(f, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
