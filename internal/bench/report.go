package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Report is everything that a run found.
type Report struct {
	Machine     Machine     `json:"machine"`
	SliceMillis int64       `json:"sliceMillis"`
	Connections int         `json:"connections"`
	Disturbance float64     `json:"disturbancePercent"`
	Servers     []Settings  `json:"servers"`
	Start       *StartTimes `json:"start,omitempty"`
	Rows        []Row       `json:"rows"`
	Slices      []Slice     `json:"slices"`
}

// WriteJSON writes the report to a file, and makes its folder.
func (r *Report) WriteJSON(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// WriteText writes the report for people: the machine, the table, what to read it with.
func (r *Report) WriteText(w io.Writer) error {
	p := &printer{w: w}
	m := r.Machine
	p.printf("%s, %d cores, %s MB, Linux %s, %s, %s\n", m.CPU, m.Cores, grouped(float64(m.MemoryMB)), m.Kernel, m.Go, m.Time.Format("2006-01-02 15:04 MST"))
	p.printf("%d connections, closed loop, slices of %d ms; server and load share the machine\n", r.Connections, r.SliceMillis)
	for _, s := range append([]Settings{m.Load}, r.Servers...) {
		p.printf("  %-8s %-4s  GOGC %s  GOMEMLIMIT %s  GOMAXPROCS %s\n", s.Server, s.Protocol, s.GOGC, s.GOMEMLIMIT, s.GOMAXPROCS)
	}
	if len(r.Rows) > 0 {
		p.printf("\n%s\n\n", r.table())
		p.printf("req/s ×: Roster's requests a second over bare Gin's, median of the rounds; goals are for it.\n"+
			"CPU ×: the server's CPU time a request over bare Gin's; less is better, and the load's own cost, %.1f µs a request, does not dilute it.\n", r.loadCPU())
		r.explainDiscarded(p)
	}
	if s := r.Start; s != nil {
		p.printf("start of `roster dev` to its first answer: median %.1f ms of %d starts (%.1f to %.1f), goal ≤ %.0f ms: %s\n",
			s.MedianMillis, len(s.Millis), least(s.Millis), most(s.Millis), s.GoalMillis, met(s.Met))
	}
	return p.err
}

// loadCPU is the median over the rows of what a request cost the load, in microseconds.
func (r *Report) loadCPU() float64 {
	var all []float64
	for _, row := range r.Rows {
		all = append(all, row.Bare.LoadCPUMicros, row.Roster.LoadCPUMicros)
	}
	return median(all)
}

func (r *Report) explainDiscarded(p *printer) {
	discarded, all, disturbed := 0, 0, 0
	for _, row := range r.Rows {
		discarded += row.Discarded
		all += row.Discarded + row.Rounds
		if row.Disturbed {
			disturbed++
		}
	}
	p.printf("%d of %d rounds were thrown away: others or the hypervisor took more than %.0f %% of the machine's CPU.\n", discarded, all, r.Disturbance)
	if disturbed > 0 {
		p.printf("! %d of %d rows had disturbed rounds only: those count for want of better, and such figures mean little.\n", disturbed, len(r.Rows))
	}
}

func (r *Report) table() string {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.AppendHeader(table.Row{"case", "protocol", "body B", "server", "req/s", "CPU µs/req", "p50 µs", "p99 µs", "req/s ×", "CPU ×", "goal", "met", "rounds"})
	var columns []table.ColumnConfig
	for _, n := range []int{3, 5, 6, 7, 8, 9, 10, 11} {
		columns = append(columns, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	for _, row := range r.Rows {
		t.AppendRow(append(table.Row{row.Case, row.Protocol, grouped(float64(row.BodyBytes)), ServerBare}, cells(row.Bare)...))
		goal, reached := "", ""
		if row.Goal > 0 {
			goal, reached = fmt.Sprintf("≥ %.2f", row.Goal), met(row.Met)
		}
		line := append(table.Row{"", "", "", ServerRoster}, cells(row.Roster)...)
		t.AppendRow(append(line, fmt.Sprintf("%.2f", row.RatioRequests), fmt.Sprintf("%.2f", row.RatioCPU), goal, reached, rounds(row)))
	}
	return t.Render()
}

func cells(f Figures) table.Row {
	return table.Row{grouped(f.RequestsPerSecond), fmt.Sprintf("%.1f", f.CPUMicros), grouped(f.P50Micros), grouped(f.P99Micros)}
}

func rounds(row Row) string {
	out := strconv.Itoa(row.Rounds)
	if row.Discarded > 0 {
		out += fmt.Sprintf(" of %d", row.Rounds+row.Discarded)
	}
	if row.Disturbed {
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
