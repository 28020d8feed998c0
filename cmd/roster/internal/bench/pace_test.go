package bench

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What should have begun while the load could not begins late, and its time is counted from
// when it should have.
func TestOpenLoopKeepsItsTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(10, 2*time.Second)
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		var late []time.Duration
		for n := 0; ; n++ {
			at, more := p.next(t.Context(), timer)
			if !more {
				break
			}
			if want := p.begin.Add(time.Duration(n) * 100 * time.Millisecond); !at.Equal(want) {
				t.Errorf("operation %d is at %v, want %v", n, at.Sub(p.begin), want.Sub(p.begin))
			}
			late = append(late, time.Since(at))
			if n == 2 {
				time.Sleep(450 * time.Millisecond) // a server that stalls
			}
		}
		if len(late) != 20 {
			t.Fatalf("%d operations", len(late))
		}
		for n, ms := range map[int]int{2: 0, 3: 350, 4: 250, 5: 150, 6: 50, 7: 0, 19: 0} {
			want := time.Duration(ms) * time.Millisecond
			if late[n] != want {
				t.Errorf("operation %d began %v late, want %v", n, late[n], want)
			}
		}
	})
}

func TestWhatWasNotBegunIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(100, time.Second)
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		if _, more := p.next(t.Context(), timer); !more {
			t.Fatal("none at all")
		}
		time.Sleep(3 * time.Second)
		if _, more := p.next(t.Context(), timer); more || p.unsent() != 99 {
			t.Errorf("%d not begun, want 99", p.unsent())
		}
	})
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(0, time.Second)
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		time.Sleep(300 * time.Millisecond)
		if at, more := p.next(t.Context(), timer); !more || !at.Equal(time.Now()) {
			t.Errorf("at %v, %v", at, more)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, more := p.next(ctx, timer); more {
			t.Error("goes on after its context")
		}
		time.Sleep(time.Second)
		if _, more := p.next(t.Context(), timer); more || p.unsent() != 0 {
			t.Error("goes on after its end")
		}
	})
}
