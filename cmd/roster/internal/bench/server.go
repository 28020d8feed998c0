package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/roster-sd/roster/internal/bench/machine"
)

// moment is what a server's metrics told at one time.
type moment struct {
	at   time.Time
	text []byte
}

// scrape reads the metrics; nil where they cannot be.
func (r *run) scrape(ctx context.Context) *moment {
	if r.o.Metrics == "" || ctx.Err() != nil {
		return nil
	}
	text, err := fetch(ctx, r.o.HTTP, r.o.Metrics+"/metrics")
	if err != nil {
		r.noMetrics = err.Error()
		return nil
	}
	return &moment{time.Now(), text}
}

// fetch gives the body of an answer of 200.
func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", url, resp.StatusCode)
	}
	return body, err
}

// value gives a metric without labels, or with those given in braces; 0 where it is not there.
func (m *moment) value(name string) float64 {
	if m == nil {
		return 0
	}
	v, err := strconv.ParseFloat(machine.Gauge(m.text, name), 64)
	if err != nil {
		return 0
	}
	return v
}

// Server is what the server's own metrics tell of the measurement: what it used between its
// beginning and its end, and what it held at its end.
type Server struct {
	Version         string  `json:"version,omitempty"`
	GOGC            string  `json:"gogc"`
	GOMEMLIMIT      string  `json:"gomemlimit"`
	GOMAXPROCS      string  `json:"gomaxprocs"`
	ResidentBytes   float64 `json:"residentBytes"`
	HeapBytes       float64 `json:"heapBytes"` // in use, as the collector counts it
	Goroutines      float64 `json:"goroutines"`
	CPUSeconds      float64 `json:"cpuSeconds"`
	Collections     float64 `json:"collections"`     // of garbage
	PauseMeanMicros float64 `json:"pauseMeanMicros"` // of those collections
	PauseMaxMicros  float64 `json:"pauseMaxMicros"`  // of the last 256 collections
	// BytesPerInstance is the resident memory over the leases that the node keeps; 0 where the
	// backend keeps them.
	BytesPerInstance float64 `json:"bytesPerInstance,omitzero"`
	Expired          float64 `json:"expired"` // instances that left because their lease ran out
	Resynced         float64 `json:"resynced"`
	LateAnswers      float64 `json:"lateAnswers"` // writes answered before the node showed them
}

// between tells what lies between two moments; nil without them.
func between(from, to *moment) *Server {
	if from == nil || to == nil {
		return nil
	}
	var settings machine.Settings
	settings.Take(to.text)
	grew := func(name string) float64 { return to.value(name) - from.value(name) }
	s := &Server{
		Version: version(to.text), GOGC: settings.GOGC, GOMEMLIMIT: settings.GOMEMLIMIT, GOMAXPROCS: settings.GOMAXPROCS,
		ResidentBytes: to.value("process_resident_memory_bytes"), HeapBytes: to.value("go_memstats_heap_inuse_bytes"),
		Goroutines: to.value("go_goroutines"), CPUSeconds: grew("process_cpu_seconds_total"),
		Collections: grew("go_gc_duration_seconds_count"), PauseMaxMicros: 1e6 * to.value(`go_gc_duration_seconds{quantile="1"}`),
		Expired: grew("roster_leases_expired_total"), Resynced: grew("roster_watchers_resynced_total"), LateAnswers: grew("roster_late_answers_total"),
	}
	if s.Collections > 0 {
		s.PauseMeanMicros = 1e6 * grew("go_gc_duration_seconds_sum") / s.Collections
	}
	if leases := to.value("roster_leases"); leases > 0 {
		s.BytesPerInstance = s.ResidentBytes / leases
	}
	return s
}

// version finds the label of roster_build_info.
func version(text []byte) string {
	_, rest, _ := bytes.Cut(text, []byte(`roster_build_info{version="`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}
