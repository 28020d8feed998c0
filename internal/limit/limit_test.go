package limit

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBurstAndRate: a burst at once, and the rate in the long run, for each identity.
func TestBurstAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(10, 5)
		for i := range 5 {
			if wait := r.Allow("a"); wait != 0 {
				t.Fatalf("call %d of a burst of 5 is to wait %s", i+1, wait)
			}
		}
		if wait := r.Allow("a"); wait != 100*time.Millisecond {
			t.Errorf("after the burst the wait is %s, want 100ms", wait)
		}
		if wait := r.Allow("b"); wait != 0 {
			t.Errorf("another identity is to wait %s", wait)
		}
		allowed := 0
		for range 1000 { // ten seconds
			time.Sleep(10 * time.Millisecond)
			if r.Allow("a") == 0 {
				allowed++
			}
		}
		if allowed < 99 || allowed > 100 {
			t.Errorf("%d calls in ten seconds, want 100", allowed)
		}
		// A long quiet gives a burst and no more.
		time.Sleep(time.Hour)
		allowed = 0
		for range 100 {
			if r.Allow("a") == 0 {
				allowed++
			}
		}
		if allowed != 5 {
			t.Errorf("a burst of %d after an hour, want 5", allowed)
		}
	})
}

// TestWaitIsEnough: who waits as long as was said is let through, at any rate; and being
// told to wait costs nothing.
func TestWaitIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, perSecond := range []float64{0.1, 1, 3, 7, 1000, 123456} {
			r := New(perSecond, 1)
			for range 50 {
				wait := time.Duration(0)
				for range 10 { // asking in vain does not put it off
					wait = r.Allow("a")
				}
				if wait <= 0 || wait > time.Duration(1.001/perSecond*float64(time.Second))+time.Microsecond {
					t.Fatalf("%v a second: the wait is %s", perSecond, wait)
				}
				time.Sleep(wait)
				if again := r.Allow("a"); again != 0 {
					t.Fatalf("%v a second: after %s as told, another %s", perSecond, wait, again)
				}
			}
		}
	})
}

// TestBurstIsAtLeastOne: with a burst of none nobody would ever pass.
func TestBurstIsAtLeastOne(t *testing.T) {
	r := New(0.5, 0)
	if wait := r.Allow("a"); wait != 0 {
		t.Errorf("the first call is to wait %s", wait)
	}
}

// TestIdentitiesAreForgotten: memory is bounded, and forgetting the quiet changes nothing
// for them.
func TestIdentitiesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(1, 2)
		r.Allow("busy")
		for i := range maxIdentities - 1 {
			r.Allow("quiet-" + strconv.Itoa(i))
		}
		time.Sleep(time.Second) // all but the busy one are as new
		r.Allow("busy")
		r.Allow("busy")
		r.Allow("one more")
		if n := len(r.buckets); n != 2 {
			t.Errorf("%d identities are remembered, want the busy one and the new one", n)
		}
		if r.Allow("busy") == 0 {
			t.Error("the busy one was forgotten")
		}
		// Where all are busy, all are forgotten: more than the bound are not kept.
		for i := range maxIdentities {
			r.Allow("busy-" + strconv.Itoa(i))
		}
		if n := len(r.buckets); n > maxIdentities {
			t.Errorf("%d identities are remembered, want %d at the most", n, maxIdentities)
		}
	})
}

// TestConcurrentCalls: the burst is the burst, however many ask at once.
func TestConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(1, 100)
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 50 {
					if r.Allow("a") == 0 {
						allowed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := allowed.Load(); n != 100 {
			t.Errorf("%d of 800 calls at once were allowed, want 100", n)
		}
	})
}
