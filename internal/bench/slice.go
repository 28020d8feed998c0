package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Target is a server under load.
type Target struct {
	Name    string // of the server, as reports show it
	Address string // host:port
	TLS     *tls.Config
	PID     int
	Behind  []int // processes of the server's backend
}

// Slice is what was measured in one slice. Micros are microseconds.
type Slice struct {
	Case              string  `json:"case"`
	Backend           string  `json:"backend"` // of the Roster that the case is about
	Protocol          string  `json:"protocol"`
	Server            string  `json:"server"`
	Against           string  `json:"against,omitempty"` // the server that Roster is compared with
	Items             int     `json:"items,omitzero"`    // of a batch, which is one request
	Round             int     `json:"round"`             // from 1; rounds thrown away count too
	BodyBytes         int     `json:"bodyBytes"`         // of an answer, the mean
	Seconds           float64 `json:"seconds"`
	Requests          int64   `json:"requests"`
	Errors            int     `json:"errors"`
	FirstError        string  `json:"firstError,omitempty"`
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	CPUMicros         float64 `json:"cpuMicros"`        // of the server, a request
	BackendCPUMicros  float64 `json:"backendCpuMicros"` // of the server's backend, a request
	LoadCPUMicros     float64 `json:"loadCpuMicros"`    // of the load generator, a request
	P50Micros         float64 `json:"p50Micros"`
	P99Micros         float64 `json:"p99Micros"`
	StealPercent      float64 `json:"stealPercent"`  // of the machine's CPU
	OthersPercent     float64 `json:"othersPercent"` // of the machine's CPU
	Disturbed         bool    `json:"disturbed"`
	Discarded         bool    `json:"discarded"` // it, or the other slice of its round, was disturbed
}

// patience is how long beyond its planned end a slice may wait for an answer.
const patience = 10 * time.Second

// warmUp is how long the load runs before a slice of length d is measured: long enough
// for both ends to reach their speed and for the other server to finish hanging up.
func warmUp(d time.Duration) time.Duration {
	return min(max(d/10, 50*time.Millisecond), 300*time.Millisecond)
}

// Measure drives the target for d, after a warm-up, on fresh connections. Errors of the
// load are counted in the slice; the error given is of the measuring itself.
func Measure(ctx context.Context, target Target, load work, connections int, d time.Duration) (Slice, error) {
	ctx, cancel := context.WithTimeout(ctx, d+warmUp(d)+patience)
	defer cancel()
	workers, err := dial(ctx, target, load, connections)
	if err != nil {
		return Slice{}, fmt.Errorf("measure %s: %w", target.Name, err)
	}
	defer hangUp(workers)

	slice := Slice{Server: target.Name}
	var (
		phase atomic.Int32
		done  sync.WaitGroup
		mu    sync.Mutex
	)
	drive(workers, &phase, &done, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if slice.Errors++; slice.FirstError == "" {
			slice.FirstError = err.Error()
		}
	})
	before, after, err := measurePhases(ctx, target, &phase, d)
	phase.Store(stopping)
	done.Wait()
	if err != nil {
		return Slice{}, fmt.Errorf("measure %s: %w", target.Name, err)
	}
	slice.figure(workers, before, after)
	return slice, nil
}

// usage is what has been used of the machine before a measurement.
func (t Target) usage() (u usage, err error) {
	if u.strangers, err = t.strangersTime(); err != nil {
		return u, err
	}
	return u, u.read(t.PID, t.Behind)
}

// strangersTime is the CPU time of all processes that neither serve nor make the load.
func (t Target) strangersTime() (time.Duration, error) {
	return strangersTime(proc, append([]int{t.PID}, t.Behind...), os.Getpid())
}

// measurePhases lets the load warm up, then measures for d, and gives the machine's
// state at both ends. What is dear to read lies outside the measured time.
func measurePhases(ctx context.Context, target Target, phase *atomic.Int32, d time.Duration) (before, after usage, err error) {
	if err = pause(ctx, warmUp(d)); err != nil {
		return before, after, err
	}
	if before, err = target.usage(); err != nil {
		return before, after, err
	}
	phase.Store(measuring)
	if err = pause(ctx, d); err != nil {
		return before, after, err
	}
	if err = after.read(target.PID, target.Behind); err != nil {
		return before, after, err
	}
	phase.Store(stopping)
	after.strangers, err = target.strangersTime()
	return before, after, err
}

// figure fills in what workers and machine tell about the slice.
func (s *Slice) figure(workers []*worker, before, after usage) {
	all := hdrhistogram.New(1000, int64(time.Minute), 2)
	for _, w := range workers {
		s.Requests += w.counted
		all.Merge(w.latency)
	}
	used := after.since(before)
	s.Seconds = used.wall.Seconds()
	s.StealPercent, s.OthersPercent = 100*used.steal, 100*used.others
	if s.Requests == 0 {
		return
	}
	n := float64(s.Requests)
	s.RequestsPerSecond = n / s.Seconds
	s.CPUMicros = micros(used.server) / n
	s.BackendCPUMicros = micros(used.behind) / n
	s.LoadCPUMicros = micros(used.load) / n
	s.P50Micros = float64(all.ValueAtQuantile(50)) / 1e3
	s.P99Micros = float64(all.ValueAtQuantile(99)) / 1e3
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// pause waits for d or for the context's end.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() // both may have come
	case <-ctx.Done():
		return ctx.Err()
	}
}
