package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept in nanoseconds, from a microsecond to two minutes, with three digits.
const (
	shortest = int64(time.Microsecond)
	longest  = int64(2 * time.Minute)
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, 3) }

// keep adds a latency; what is out of range counts as its end.
func keep(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d), shortest), longest)) // it is in range
}

// meter takes what becomes of one kind of request. Its recorders are used by one goroutine
// each, and can be read at any time.
type meter struct {
	name         string
	begun, ended time.Time

	mu        sync.Mutex
	recorders []*recorder
	unsent    int64 // operations whose time came and that were not begun
}

func newMeter(name string) *meter { return &meter{name: name, begun: time.Now()} }

// recorder is the part of a meter that one goroutine writes.
type recorder struct {
	mu       sync.Mutex
	latency  *hdrhistogram.Histogram
	requests int64
	done     int64 // operations
	failed   map[string]int64
	first    map[string]string // the first error of each code
}

func (m *meter) recorder() *recorder {
	r := &recorder{latency: newHistogram()}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recorders = append(m.recorders, r)
	return r
}

// answered counts a request that took so long, and the operations in it that succeeded.
func (r *recorder) answered(took time.Duration, done int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	r.done += int64(done)
	keep(r.latency, took)
}

// fail counts operations that failed with an error.
func (r *recorder) fail(n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failCode(int64(n), codeOf(err), err.Error())
}

// failCode is fail of a code. It needs the lock.
func (r *recorder) failCode(n int64, code, text string) {
	if r.failed == nil {
		r.failed, r.first = map[string]int64{}, map[string]string{}
	}
	if r.failed[code] += n; r.first[code] == "" {
		r.first[code] = text
	}
}

// sums is what a meter has taken so far.
type sums struct {
	latency        *hdrhistogram.Histogram
	requests, done int64
	failed         map[string]int64
	first          map[string]string
}

func (m *meter) sum() sums {
	m.mu.Lock()
	all := m.recorders
	m.mu.Unlock()
	s := sums{latency: newHistogram(), failed: map[string]int64{}, first: map[string]string{}}
	for _, r := range all {
		r.mu.Lock()
		s.latency.Merge(r.latency)
		s.requests += r.requests
		s.done += r.done
		for code, n := range r.failed {
			if s.failed[code] += n; s.first[code] == "" {
				s.first[code] = r.first[code]
			}
		}
		r.mu.Unlock()
	}
	return s
}

// counts gives operations and failures, without the latencies, which are dear to add up.
func (m *meter) counts() (done, failed int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.recorders {
		r.mu.Lock()
		done += r.done
		for _, n := range r.failed {
			failed += n
		}
		r.mu.Unlock()
	}
	return done, failed
}

// failures is how many operations failed.
func (r *recorder) failures() (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range r.failed {
		n += of
	}
	return n
}
