package procwatch

import (
	"slices"
	"testing"
	"time"
)

// both runs a test with the system's own means, where it has some, and with polling.
func both(t *testing.T, test func(t *testing.T, w *Watcher)) {
	t.Run("told", func(t *testing.T) { test(t, opened(t, Options{})) })
	t.Run("polled", func(t *testing.T) { test(t, opened(t, Options{Descriptors: -1})) })
}

func TestKilled(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		dies, lives := start(t), start(t)
		id := identified(t, w, dies.pid())
		w.Watch(id)
		w.Watch(identified(t, w, lives.pid()))
		silent(t, w)
		dies.kill()
		// Nobody has waited for it yet: it has ended all the same.
		if got := told(t, w, 1); !slices.Equal(got, []Identity{id}) {
			t.Errorf("told of %q, want %q", got, id)
		}
		if again := w.Identify(dies.pid()); again != "" {
			t.Errorf("a process that has ended is named %q", again)
		}
		dies.reap()
		silent(t, w)
	})
}

// Many that end at the same moment, with some that live, are all told once.
func TestManyAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		children, want := make([]*child, 40), []Identity(nil)
		for i := range children {
			children[i] = start(t)
			id := identified(t, w, children[i].pid())
			w.Watch(id)
			if i%4 != 0 {
				want = append(want, id)
			}
		}
		for i, c := range children {
			if i%4 != 0 {
				c.kill()
			}
		}
		got := told(t, w, len(want))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("told of %q, want %q", got, want)
		}
		silent(t, w)
		if d, p := w.Watching(); d+p != len(children)-len(want) {
			t.Errorf("%d and %d are watched, want %d", d, p, len(children)-len(want))
		}
	})
}

// One that ends while it begins to be watched is told too, in whatever order.
func TestDyingWhenWatched(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		for range 20 {
			c := start(t)
			id := identified(t, w, c.pid())
			go c.kill() // ends at once; the test waits for its effect
			w.Watch(id)
			if got := told(t, w, 1); !slices.Equal(got, []Identity{id}) {
				t.Fatalf("told of %q, want %q", got, id)
			}
			c.reap()
		}
	})
}

// BenchmarkEnd measures the time from a kill to when it is told.
func BenchmarkEnd(b *testing.B) {
	for name, opts := range map[string]Options{"told": {}, "polled": {Descriptors: -1}} {
		b.Run(name, func(b *testing.B) {
			w := opened(b, opts)
			took := make([]time.Duration, 0, b.N)
			for range b.N {
				b.StopTimer()
				c := start(b)
				w.Watch(identified(b, w, c.pid()))
				b.StartTimer()
				began := time.Now()
				c.kill()
				told(b, w, 1)
				took = append(took, time.Since(began))
				b.StopTimer()
				c.reap()
				b.StartTimer()
			}
			slices.Sort(took)
			for unit, i := range map[string]int{"p50-ms": b.N / 2, "p99-ms": b.N * 99 / 100, "max-ms": b.N - 1} {
				b.ReportMetric(took[i].Seconds()*1e3, unit)
			}
		})
	}
}
