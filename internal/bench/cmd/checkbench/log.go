//go:build unix

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/store"
)

// log keeps what the checks of a measurement did.
type log struct {
	interval           time.Duration
	failing, undecided atomic.Int64

	mu     sync.Mutex
	last   map[store.Key]time.Time // when a target's check began
	began  []time.Time
	gaps   []time.Duration // between two checks of a target that passes
	late   []time.Duration
	failed int
	most   int // goroutines at once
}

func newLog(interval time.Duration) *log {
	return &log{interval: interval, last: make(map[store.Key]time.Time)}
}

func (l *log) report(r check.Report) {
	if !r.Passing {
		l.failing.Add(1)
	}
}

func (l *log) observe(t check.Target, began time.Time, err error, _, late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, again := l.last[t.Key]
	l.last[t.Key] = began
	l.began = append(l.began, began)
	l.most = max(l.most, runtime.NumGoroutine())
	if err != nil {
		l.failed++
		return
	}
	l.late = append(l.late, late)
	if again {
		l.gaps = append(l.gaps, began.Sub(last))
	}
}

// reset forgets all but when the targets were last checked.
func (l *log) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began, l.gaps, l.late, l.failed, l.most = l.began[:0], l.gaps[:0], l.late[:0], 0, 0
	l.failing.Store(0)
	l.undecided.Store(0)
}

func (l *log) print(out io.Writer, set settings, cpu time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.began)
	if n == 0 || len(l.gaps) == 0 {
		fmt.Fprintln(out, "no checks")
		return
	}
	off := make([]float64, len(l.gaps)) // by how much of the interval
	within := 0
	for i, g := range l.gaps {
		off[i] = float64((g - l.interval).Abs()) / float64(l.interval)
		if off[i] <= 0.1 {
			within++
		}
	}
	slices.Sort(off)
	slices.Sort(l.late)
	fmt.Fprintf(out, "%d checks in %v: %.0f/s of %.0f/s; %d failed, %d failing verdicts, %d undecided\n", n, set.long,
		float64(n)/set.long.Seconds(), float64(set.targets)/set.interval.Seconds(), l.failed, l.failing.Load(), l.undecided.Load())
	fmt.Fprintf(out, "those that passed: within 10 %% of the interval %.3f %%; off by p50 %.1f %%, p99 %.1f %%, most %.1f %%\n",
		100*float64(within)/float64(len(off)), 100*at(off, 0.5), 100*at(off, 0.99), 100*off[len(off)-1])
	fmt.Fprintf(out, "late by p50 %v, p99 %v, most %v\n", at(l.late, 0.5).Round(time.Microsecond), at(l.late, 0.99).Round(time.Microsecond), l.late[len(l.late)-1].Round(time.Millisecond))
	fmt.Fprintf(out, "%.2f processors of this process, %.0f µs a check; at most %d goroutines\n",
		cpu.Seconds()/set.long.Seconds(), float64(cpu.Microseconds())/float64(n), l.most)
}

func at[T any](sorted []T, q float64) T { return sorted[int(q*float64(len(sorted)-1))] }

// seconds counts the checks that began in each second of a time.
func (l *log) seconds(from time.Time, long time.Duration) (most int, mean float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make([]int, int(long/time.Second)+1)
	total := 0
	for _, b := range l.began {
		if d := b.Sub(from); d >= 0 && d < long {
			counts[d/time.Second]++
			total++
		}
	}
	return slices.Max(counts), float64(total) / long.Seconds()
}
