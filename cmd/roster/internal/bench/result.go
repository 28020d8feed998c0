package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/roster-sd/roster/internal/bench/machine"
)

// Result is what a run measured.
type Result struct {
	Operation   string   `json:"operation"`
	Addresses   []string `json:"addresses"`
	TLS         bool     `json:"tls"`
	Instances   int      `json:"instances"`
	Services    int      `json:"services"`
	Connections int      `json:"connections"`
	Batch       int      `json:"batch,omitzero"`
	Rate        float64  `json:"rate,omitzero"` // wanted, operations a second; absent: a closed loop
	Churn       float64  `json:"churn,omitzero"`
	TTLMillis   int64    `json:"ttlMillis"` // granted

	Enlist *Part   `json:"enlist,omitempty"` // registrations before the operation, on at most 64 connections
	Parts  []Part  `json:"parts"`
	Watch  *Seen   `json:"watch,omitempty"`
	Kept   *Part   `json:"kept,omitempty"` // renewals that kept the fleet alive beside the operation
	Server *Server `json:"server,omitempty"`
	// NoServer is why the server's metrics are not there.
	NoServer string `json:"noServer,omitempty"`

	FalseEvictions int64           `json:"falseEvictions"` // renewed within their TTL, and gone
	LateRenewals   int64           `json:"lateRenewals"`   // gone, because this load renewed them too late
	Interrupted    bool            `json:"interrupted,omitzero"`
	Machine        machine.Machine `json:"machine"` // of the load
}

// Part is what became of one kind of request. PerSecond counts operations that succeeded.
type Part struct {
	Name       string            `json:"name"`
	Seconds    float64           `json:"seconds"`
	Requests   int64             `json:"requests"`
	Operations int64             `json:"operations"`
	PerSecond  float64           `json:"perSecond"`
	Latency    *Latency          `json:"latency,omitempty"` // of a request; absent: none was answered
	Unsent     int64             `json:"unsent,omitzero"`   // operations whose time came and that the load could not begin
	Errors     map[string]int64  `json:"errors,omitempty"`  // operations, by code
	First      map[string]string `json:"firstErrors,omitempty"`
}

// Latency is the distribution of times, in microseconds.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Seen is what watchers saw.
type Seen struct {
	Watchers   int              `json:"watchers"`
	Services   int              `json:"services"`
	Changes    int64            `json:"changes"`        // made
	Whole      int64            `json:"whole"`          // of them, seen by every watcher of their service
	Deliveries int64            `json:"deliveries"`     // events that reached a watcher
	Each       *Latency         `json:"each,omitempty"` // from the change to a watcher
	All        *Latency         `json:"all,omitempty"`  // from the change to the last of its watchers
	Resyncs    int64            `json:"resyncs"`
	Expired    int64            `json:"expired"`            // deletions for the end of a TTL that watchers saw
	Lost       map[string]int64 `json:"lost,omitempty"`     // streams that ended, by code
	BytesEach  float64          `json:"bytesEach,omitzero"` // of the server's resident memory, for a watcher
}

func micros(ns float64) float64 { return ns / float64(time.Microsecond) }

func latencyOf(h *hdrhistogram.Histogram) *Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	at := func(q float64) float64 { return micros(float64(h.ValueAtQuantile(q))) }
	return &Latency{Mean: micros(h.Mean()), P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: micros(float64(h.Max()))}
}

// part makes one of a meter.
func (m *meter) part() Part {
	s := m.sum()
	end := m.ended
	if end.IsZero() {
		end = time.Now()
	}
	p := Part{Name: m.name, Seconds: end.Sub(m.begun).Seconds(), Requests: s.requests, Operations: s.done, Latency: latencyOf(s.latency), Unsent: m.unsent}
	if p.Seconds > 0 {
		p.PerSecond = float64(s.done) / p.Seconds
	}
	if len(s.failed) > 0 {
		p.Errors, p.First = s.failed, s.first
	}
	return p
}

// result makes the result of what was measured so far.
func (r *run) result() *Result {
	o := r.o
	out := &Result{
		Operation: o.Operation, TLS: o.Targets[0].TLS != nil, Instances: o.Instances, Services: o.Services,
		Connections: o.Connections, Rate: o.Rate, Churn: o.Churn, TTLMillis: r.fleet.granted.Load() / int64(time.Millisecond),
		FalseEvictions: r.falsely.Load(), LateRenewals: r.late.Load(), Interrupted: r.interrupted,
		Server: between(r.before, r.after), NoServer: r.noMetrics, Machine: machine.Read(),
	}
	for _, t := range o.Targets {
		out.Addresses = append(out.Addresses, t.Address)
	}
	if o.Operation == Heartbeats || o.Operation == Mixed {
		out.Batch = o.Batch
	}
	if r.enlisted != nil {
		enlist := r.enlisted.part()
		out.Enlist = &enlist
	}
	for _, m := range r.meters {
		out.Parts = append(out.Parts, m.part())
	}
	if kept := r.kept.part(); kept.Requests > 0 || len(kept.Errors) > 0 {
		out.Kept = &kept
	}
	out.Watch = r.seen()
	return out
}

func (r *run) seen() *Seen {
	a := r.audience
	if a == nil || len(a.watchers) == 0 {
		return nil
	}
	each := newHistogram()
	for i := range a.shards {
		a.shards[i].mu.Lock()
		each.Merge(a.shards[i].latency)
		a.shards[i].mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &Seen{
		Watchers: len(a.watchers), Services: min(r.o.Services, len(a.watchers)), Changes: a.expected.Load(), Whole: a.whole.Load(),
		Deliveries: each.TotalCount(), Each: latencyOf(each), All: latencyOf(a.until), Resyncs: a.resyncs.Load(), Expired: a.expired.Load(),
	}
	if a.lost.failures() > 0 {
		s.Lost = a.lost.failed
	}
	if r.before != nil && r.opened != nil {
		const name = "process_resident_memory_bytes"
		s.BytesEach = (r.opened.value(name) - r.before.value(name)) / float64(len(a.watchers))
	}
	return s
}

// ErrFailed is the kind of error of a run in which something failed that should not have.
var ErrFailed = errors.New("something failed that should not have")

// err tells what failed that should not have.
func (x *Result) err() error {
	var what []string
	parts := x.Parts
	if x.Kept != nil {
		parts = append(slices.Clone(parts), *x.Kept)
	}
	for _, p := range parts {
		for code, n := range p.Errors {
			what = append(what, fmt.Sprintf("%s: %d × %s (%s)", p.Name, n, code, p.First[code]))
		}
	}
	if x.FalseEvictions > 0 {
		what = append(what, plural(int(x.FalseEvictions), "false eviction"))
	}
	if w := x.Watch; w != nil {
		for code, n := range w.Lost {
			what = append(what, fmt.Sprintf("watch: %s ended: %s", plural(int(n), "stream"), code))
		}
		if missing := w.Changes - w.Whole; missing > 0 && w.Resyncs == 0 && !x.Interrupted {
			what = append(what, fmt.Sprintf("watch: %s did not reach every watcher, and none was told to resync", plural(int(missing), "change")))
		}
	}
	if len(what) == 0 {
		return nil
	}
	slices.Sort(what)
	return fmt.Errorf("%w: %s", ErrFailed, strings.Join(what, "; "))
}

// plural writes a count of things.
func plural(n int, noun string) string {
	text := grouped(int64(n))
	if n == 1 {
		return text + " " + noun
	}
	return text + " " + noun + "s"
}

// grouped writes a number with its thousands apart.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
