package memory

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

func openBench(b *testing.B, path string) *Store {
	b.Helper()
	st, err := OpenState(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	return Open(Options{State: st})
}

// BenchmarkRegisterWithAState is BenchmarkRegister with a state file, which is written at the
// same time.
func BenchmarkRegisterWithAState(b *testing.B) {
	s := openBench(b, filepath.Join(b.TempDir(), "state"))
	defer s.Close()
	b.ReportAllocs()
	in := instance("")
	i := 0
	for b.Loop() {
		in.Key.ID = fmt.Sprint(i % 100_000)
		if _, err := s.Register(context.Background(), in, store.Grant{TTL: time.Hour}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkStateFile writes a crowd to a file, reads it back, and rewrites it.
func BenchmarkStateFile(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "state")
		s := openBench(b, path)
		crowd(b, s, n)
		start := time.Now()
		s.mu.Lock()
		s.snapshot()
		s.mu.Unlock()
		b.ReportMetric(float64(time.Since(start).Microseconds()), "µs/snapshot")
		s.Close()
		bytes, _ := s.StateFile()
		b.ReportMetric(float64(bytes)/n, "B/instance")
		start = time.Now()
		s = openBench(b, path)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/open")
		if got := s.Leases(); got != n {
			b.Fatal(got)
		}
		s.Close()
		st, err := OpenState(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		k := &keeper{s: Open(Options{}), file: st.file, log: st.log, slack: st.slack, queue: st.queue}
		s = k.s
		crowd(b, s, n)
		start = time.Now()
		if err := k.rewrite(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/rewrite")
		if err := st.Close(); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
