package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/cmd/roster/internal/bench"
)

// benchTable prints a result for people.
func benchTable(w io.Writer, x *bench.Result) {
	var rows [][]string
	for i := range x.Parts {
		rows = append(rows, benchRow(&x.Parts[i]))
	}
	if x.Kept != nil && len(x.Kept.Errors) > 0 {
		rows = append(rows, benchRow(x.Kept))
	}
	if x.Watch != nil {
		each, all := []string{"  to a watcher", ""}, []string{"  to all of them", ""}
		each[1], all[1] = strconv.FormatInt(x.Watch.Deliveries, 10), strconv.FormatInt(x.Watch.Whole, 10)
		rows = append(rows, append(append(each, ""), latencyCells(x.Watch.Each)...), append(append(all, ""), latencyCells(x.Watch.All)...))
	}
	header := []string{"", "DONE", "A SECOND", "P50", "P90", "P99", "P99.9", "MAX", "FAILED", "NOT BEGUN"}
	grid(w, header, rows, header[1:]...)
	fmt.Fprintln(w)
	grid(w, nil, benchFacts(x))
}

func benchRow(p *bench.Part) []string {
	row := append([]string{p.Name, strconv.FormatInt(p.Operations, 10), fmt.Sprintf("%.0f", p.PerSecond)}, latencyCells(p.Latency)...)
	var failed []string
	for _, code := range slices.Sorted(maps.Keys(p.Errors)) {
		failed = append(failed, fmt.Sprintf("%d %s", p.Errors[code], clean(code)))
	}
	row = append(row, strings.Join(failed, ", "))
	if p.Unsent > 0 {
		row = append(row, strconv.FormatInt(p.Unsent, 10))
	}
	return row
}

func latencyCells(l *bench.Latency) []string {
	if l == nil {
		return make([]string, 5)
	}
	var cells []string
	for _, us := range []float64{l.P50, l.P90, l.P99, l.P999, l.Max} {
		cells = append(cells, latency(us))
	}
	return cells
}

// latency writes a time in microseconds with three digits.
func latency(us float64) string {
	d := time.Duration(us * float64(time.Microsecond))
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.3gms", us/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0fms", us/1e3)
	}
	return fmt.Sprintf("%.3gs", us/1e6)
}

// benchFacts tells what stands beside the figures.
func benchFacts(x *bench.Result) [][]string {
	var rows [][]string
	add := func(name, format string, args ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, args...)})
	}
	loop := "closed loop"
	if x.Rate > 0 {
		loop = fmt.Sprintf("%g a second wanted", x.Rate)
	}
	add("Load", "%s, %s of %s, TTL %s, %s", count(x.Connections, "connection"), count(x.Instances, "instance"), count(x.Services, "service"), millis(x.TTLMillis), loop)
	if x.Enlist != nil {
		add("Registered", "%.0f a second before that", x.Enlist.PerSecond)
	}
	add("Evictions", "%d false, %d because this load renewed too late", x.FalseEvictions, x.LateRenewals)
	if s := x.Watch; s != nil {
		add("Watch", "%s of %s, %d of %d changes reached all, %s", count(s.Watchers, "watcher"), count(s.Services, "service"), s.Whole, s.Changes, count(int(s.Resyncs), "resync"))
		if s.BytesEach > 0 {
			add("", "%s of the server's memory a watcher", bytesOf(s.BytesEach))
		}
	}
	if s := x.Server; s != nil {
		add("Server", "GOGC %s, GOMEMLIMIT %s, GOMAXPROCS %s", s.GOGC, s.GOMEMLIMIT, s.GOMAXPROCS)
		memory := bytesOf(s.ResidentBytes) + " resident"
		if x.Instances >= 10_000 && s.BytesPerInstance > 0 { // of fewer it says nothing about one
			memory += fmt.Sprintf(", %.0f B an instance", s.BytesPerInstance)
		}
		add("", "%s, %.1f s of CPU", memory, s.CPUSeconds)
		add("", "%.0f collections, pauses %s on average, %s at most", s.Collections, latency(s.PauseMeanMicros), latency(s.PauseMaxMicros))
		add("", "%.0f leases expired, %.0f watchers told to resync", s.Expired, s.Resynced)
	} else if x.NoServer != "" {
		add("Server", "no metrics: %s", clean(x.NoServer))
	}
	return rows
}

// bytesOf writes a size.
func bytesOf(n float64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", n/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", n/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", n/(1<<10))
}
