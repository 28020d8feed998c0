package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/roster-sd/roster/internal/bench/machine"
)

// Report is everything that a run found.
type Report struct {
	Machine     machine.Machine `json:"machine"`
	SliceMillis int64           `json:"sliceMillis"`
	Connections int             `json:"connections"`
	Disturbance float64         `json:"disturbancePercent"`
	Servers     []Settings      `json:"servers"`
	Backends    []About         `json:"backends,omitempty"`
	Missing     []Missing       `json:"missing,omitempty"`
	Disk        *Disk           `json:"disk,omitempty"`
	Start       *StartTimes     `json:"start,omitempty"`
	Cold        *StartTimes     `json:"cold,omitempty"`
	Rows        []Row           `json:"rows"`
	Evictions   []Eviction      `json:"evictions,omitempty"`
	Slices      []Slice         `json:"slices"`
	Waves       []Wave          `json:"waves,omitempty"`
}

// Disk is where the backends have their data.
type Disk struct {
	Folder     string  `json:"folder"`     // as it was given; empty: the system's for temporary files
	SyncMicros float64 `json:"syncMicros"` // of a write of 4 KiB with fsync, the median
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

// WriteText writes the report for people: the machine, the tables, what to read them with.
func (r *Report) WriteText(w io.Writer) error {
	p := &printer{w: w}
	r.head(p)
	if len(r.Rows) > 0 {
		p.printf("\n%s\n\n", r.table())
		r.explain(p)
	}
	if len(r.Evictions) > 0 {
		p.printf("\n%s\n\n", r.evictionTable())
		r.explainEvictions(p)
	}
	if s := r.Start; s != nil {
		p.printf("start of `roster dev` to its first answer: median %.1f ms of %d starts (%.1f to %.1f), goal ≤ %.0f ms: %s\n",
			s.MedianMillis, len(s.Millis), least(s.Millis), most(s.Millis), s.GoalMillis, met(s.Met))
	}
	if s := r.Cold; s != nil {
		p.printf("no registry, and `roster run`, until its service is resolved: median %.1f ms of %d starts (%.1f to %.1f), goal ≤ %.0f ms: %s\n",
			s.MedianMillis, len(s.Millis), least(s.Millis), most(s.Millis), s.GoalMillis, met(s.Met))
	}
	return p.err
}

// head tells of the machine, of how the servers are set, and of what is missing.
func (r *Report) head(p *printer) {
	m := r.Machine
	p.printf("%s, %d cores, %s MB, Linux %s, %s, %s\n", m.CPU, m.Cores, grouped(float64(m.MemoryMB)), m.Kernel, m.Go, m.Time.Format("2006-01-02 15:04 MST"))
	p.printf("%d connections, closed loop, slices of %d ms; servers and load share the machine\n", r.Connections, r.SliceMillis)
	for _, line := range settingsLines(append([]Settings{m.Load}, r.Servers...)) {
		p.printf("  %s\n", line)
	}
	for _, b := range r.Backends {
		p.printf("  %s %s: %s\n", b.Backend, b.Version, b.Settings)
	}
	if r.Disk != nil && len(r.Backends) > 0 {
		folder := r.Disk.Folder
		if folder == "" {
			folder = "the system's folder for temporary files"
		}
		p.printf("  their data is in %s, where a write of 4 KiB with fsync takes %s µs\n", folder, grouped(r.Disk.SyncMicros))
	}
	for _, missing := range r.Missing {
		p.printf("  %s is NOT MEASURED: %s\n", missing.Backend, missing.Why)
	}
}

// settingsLines makes a line of each server, with the protocols over which it was set so.
func settingsLines(all []Settings) []string {
	var order []Settings
	protocols := map[Settings][]string{}
	for _, s := range all {
		protocol := s.Protocol
		s.Protocol = ""
		if protocols[s] == nil {
			order = append(order, s)
		}
		if !slices.Contains(protocols[s], protocol) {
			protocols[s] = append(protocols[s], protocol)
		}
	}
	var out []string
	for _, s := range order {
		name := s.Server
		if name == ServerRoster && s.Backend != "" {
			name += ", " + s.Backend
		}
		out = append(out, fmt.Sprintf("%-14s %-9s  GOGC %s  GOMEMLIMIT %s  GOMAXPROCS %s",
			name, strings.Join(protocols[s], " "), s.GOGC, s.GOMEMLIMIT, s.GOMAXPROCS))
	}
	return out
}

// loadCPU is the median over the rows of what a request cost the load, in microseconds.
// Where Roster is compared with a backend or with nothing, requests are of another kind.
func (r *Report) loadCPU() float64 {
	var all []float64
	for _, row := range r.Rows {
		if row.RatioCPU > 0 {
			all = append(all, row.Other.LoadCPUMicros, row.Roster.LoadCPUMicros)
		}
	}
	return median(all)
}

// explain says how the table is to be read.
func (r *Report) explain(p *printer) {
	has := func(what func(*Row) bool) bool {
		return slices.ContainsFunc(r.Rows, func(row Row) bool { return what(&row) })
	}
	if has(func(row *Row) bool { return row.RatioRequests > 0 }) {
		p.printf("req/s ×: Roster's requests a second over those of the server above it, median of the rounds; goals are for it.\n")
	}
	if load := r.loadCPU(); load > 0 {
		p.printf("CPU ×: Roster's CPU time a request over that server's; less is better, and the load's own cost, %.1f µs a request, does not dilute it.\n", load)
	}
	if has(func(row *Row) bool { return row.Roster.BackendCPUMicros > 0 }) {
		p.printf("backend's: CPU time a request that Redis or etcd spent for Roster, in µs; it is not in CPU ×.\n")
	}
	for _, b := range r.Backends {
		if has(func(row *Row) bool { return row.Against == serverAlone(b.Backend) }) {
			p.printf("%s: on each connection %s.\n", serverAlone(b.Backend), b.Write)
		}
	}
	for _, row := range r.Rows {
		if row.Items > 0 {
			p.printf("%s, %s: %s heartbeats a request on %d connections: %s renewals a second, %.2f µs of Roster's CPU time each.\n", row.Case, row.Backend,
				grouped(float64(row.Items)), min(batchConnections, r.Connections), grouped(row.Roster.RequestsPerSecond*float64(row.Items)), row.Roster.CPUMicros/float64(row.Items))
		}
	}
	r.explainDiscarded(p)
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

func (r *Report) explainEvictions(p *printer) {
	p.printf("Lateness of eviction as a watcher of all services sees it. Those who die were renewed in one request; it counts from the end of that\n" +
		"request plus the TTL granted, and may be too small by as much as `window`, from the request's start to its end. p50 and p99 are medians of the waves.\n")
	for _, e := range r.Evictions {
		if e.Early > 0 {
			p.printf("%s: %d instances left BEFORE their deadline.\n", e.Backend, e.Early)
		}
		if e.Disturbed {
			p.printf("! every wave of %s was disturbed, and its figures mean little.\n", e.Backend)
		}
	}
}
