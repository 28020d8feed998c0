package admit

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is identities that ask as fast as they are answered, on a node of which the capacity
// is known: its processor is late when more is asked for than that.
type crowd struct {
	*Shares
	capacity float64
	asked    map[string]float64 // requests a second that each would make
	got      map[string]float64 // that it made in the last second
	late     bool
}

func newCrowd(capacity float64, asked map[string]float64) *crowd {
	x := &crowd{capacity: capacity, asked: asked}
	x.Shares = newShares(func() time.Duration {
		if x.late {
			return 10 * saturated
		}
		return 0
	})
	for name := range asked {
		x.Join(name)
	}
	return x
}

// second lets a second pass.
func (x *crowd) second() {
	x.got = make(map[string]float64)
	for range 10 {
		want, total := make(map[string]float64), 0.0
		for name, s := range x.of {
			want[name] = x.asked[name]
			if i := s.interval.Load(); i > 0 {
				want[name] = min(want[name], float64(time.Second)/float64(i))
			}
			total += want[name]
		}
		if x.late = total > 0.95*x.capacity; total > x.capacity {
			// Who asks for much gets what the others leave: they are served in turn.
			for name := range want {
				want[name] *= x.capacity / total
			}
		}
		for name, s := range x.of {
			s.taken.Add(int64(want[name] / 10))
			x.got[name] += want[name] / 10
		}
		x.look(lookEvery)
	}
}

// TestSharesSlowTheHeavy: where the processor is late the one that takes most of it is slowed
// down until it is not, to no less than a quarter; the others are not, and who is alone is not.
func TestSharesSlowTheHeavy(t *testing.T) {
	for name, c := range map[string]struct {
		asked   map[string]float64
		bounded int
		atLeast map[string]float64
		atMost  map[string]float64
	}{
		"one that floods":       {map[string]float64{"noisy": 40_000, "a": 100, "b": 50}, 1, map[string]float64{"noisy": 4_900, "a": 90, "b": 45}, map[string]float64{"noisy": 9_900}},
		"one that is alone":     {map[string]float64{"noisy": 40_000}, 0, map[string]float64{"noisy": 9_900}, nil},
		"two that flood":        {map[string]float64{"x": 40_000, "y": 40_000, "a": 100}, 2, map[string]float64{"x": 2_400, "y": 2_400, "a": 90}, nil},
		"others that are quiet": {map[string]float64{"noisy": 40_000, "a": 0, "b": 0}, 1, map[string]float64{"noisy": 4_900}, map[string]float64{"noisy": 9_900}},
		"nobody asks for much":  {map[string]float64{"x": 900, "y": 800, "z": 100}, 0, map[string]float64{"x": 890}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			x := newCrowd(10_000, c.asked)
			for range 30 {
				x.second()
			}
			sum := make(map[string]float64)
			for range 10 {
				x.second()
				for name, n := range x.got {
					sum[name] += n / 10
				}
			}
			if n := x.Bounded(); n != c.bounded {
				t.Errorf("%d are slowed down, want %d", n, c.bounded)
			}
			for name, n := range c.atLeast {
				if sum[name] < n {
					t.Errorf("%s gets %.0f a second, want %.0f", name, sum[name], n)
				}
			}
			for name, n := range c.atMost {
				if sum[name] > n {
					t.Errorf("%s gets %.0f a second, want no more than %.0f", name, sum[name], n)
				}
			}
		})
	}
}

// TestSharesForget: a flood that is over leaves no bound, and who left leaves nothing.
func TestSharesForget(t *testing.T) {
	x := newCrowd(10_000, map[string]float64{"noisy": 40_000, "a": 100})
	for range 5 {
		x.second()
	}
	if x.Bounded() != 1 {
		t.Fatal("the flood is not slowed down")
	}
	x.asked["noisy"] = 200
	for range 10 {
		x.second()
	}
	if n := x.Bounded(); n != 0 {
		t.Errorf("%d are slowed down after the flood", n)
	}
	x.Leave("noisy")
	x.Leave("a")
	x.Leave("nobody")
	if len(x.of) != 0 {
		t.Errorf("%d shares are remembered of who has left", len(x.of))
	}
}

// TestSharesKeepTheFloor: what else runs on the machine may make the processor late for ever;
// that must not take an identity's requests away.
func TestSharesKeepTheFloor(t *testing.T) {
	x := newCrowd(2_000, map[string]float64{"busy": 1_500, "a": 10})
	for range 600 {
		x.late = true
		for _, s := range x.of {
			s.taken.Add(1) // nearly nothing gets through
		}
		x.of["busy"].taken.Add(100)
		x.look(lookEvery)
	}
	if i := x.of["busy"].interval.Load(); i > int64(time.Second/least) {
		t.Errorf("a request of the busy one takes %s of its share: less than %d a second", time.Duration(i), least)
	}
}

// TestTake: requests go at the pace of the share, none waits for longer than it may, and a body
// costs what is in it.
func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Share
		begun := time.Now()
		for range 1000 {
			s.Take(t.Context(), -1)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("without a bound a thousand took %s", took)
		}
		s.interval.Store(int64(10 * time.Millisecond))
		s.next.Store(since()) // the bubble is before the origin
		begun = time.Now()
		for range 100 {
			s.Take(t.Context(), 0)
		}
		if took := time.Since(begun); math.Abs(took.Seconds()-0.99) > 0.02 {
			t.Errorf("a hundred at 10 ms each took %s", took)
		}
		begun = time.Now()
		s.Take(t.Context(), 20*payload) // as twenty-one, of which the next one waits
		s.Take(t.Context(), 0)
		if took := time.Since(begun); took < 200*time.Millisecond {
			t.Errorf("a body of twenty requests' size costs %s", took)
		}
		time.Sleep(time.Second)
		var wg sync.WaitGroup
		begun = time.Now()
		for range 500 {
			wg.Go(func() { s.Take(t.Context(), 0) })
		}
		wg.Wait()
		if took := time.Since(begun); took > longestDelay {
			t.Errorf("of 500 at once the last waited for %s", took)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		begun = time.Now()
		s.Take(ended, 0)
		if took := time.Since(begun); took != 0 {
			t.Errorf("who has gone waits for %s", took)
		}
		var nobody *Share
		nobody.Take(t.Context(), 0)
	})
}

// TestSharesRun: it looks while it runs, and ends with its context.
func TestSharesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		x := newShares(func() time.Duration { looks++; return 0 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+lookEvery/2)
		defer cancel()
		if err := x.Run(ctx); err != context.DeadlineExceeded {
			t.Errorf("it ended with %v", err)
		}
		if looks != 10 {
			t.Errorf("%d looks in a second, want 10", looks)
		}
	})
}

// TestQuantile: the delay of the slowest hundredth, rounded down.
func TestQuantile(t *testing.T) {
	bounds := []float64{math.Inf(-1), 0.001, 0.01, 0.1}
	for _, c := range []struct {
		counts []uint64
		want   time.Duration
	}{
		{[]uint64{0, 0, 0}, 0},
		{[]uint64{1000, 0, 0}, 0},
		{[]uint64{1000, 9, 0}, 0},
		{[]uint64{980, 20, 0}, time.Millisecond},
		{[]uint64{980, 19, 1}, time.Millisecond},
		{[]uint64{900, 50, 50}, 10 * time.Millisecond},
		{[]uint64{0, 0, 1}, 10 * time.Millisecond},
	} {
		total := c.counts[0] + c.counts[1] + c.counts[2]
		if got := quantile(c.counts, bounds, total); got != c.want {
			t.Errorf("%v: %s, want %s", c.counts, got, c.want)
		}
	}
	if d := newDelays(); d.sample[0].Value.Kind() == 0 {
		t.Error("the runtime does not tell of its delays")
	}
}

// BenchmarkTake is what a request pays while nobody is slowed down.
func BenchmarkTake(b *testing.B) {
	var s Share
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Take(ctx, 100)
		}
	})
}
