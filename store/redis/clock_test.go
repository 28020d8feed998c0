package redis

import (
	"testing"
	"time"
)

func TestClockCompares(t *testing.T) {
	at := time.Now()
	c := clock{now: func() time.Time { return at }}
	const base = int64(1_700_000_000_000)
	if from, to := c.window(); from > 0 || to < base*1000 {
		t.Errorf("before anything is known the window is %d to %d", from, to)
	}
	asked := at
	at = at.Add(2 * time.Millisecond)
	if jump := c.compare(asked, base); jump != 0 {
		t.Errorf("the first reading is a jump of %v", jump)
	}
	step := func(ours, theirs time.Duration) time.Duration {
		asked := at.Add(ours)
		at = asked.Add(2 * time.Millisecond)
		return c.compare(asked, c.server+at.Sub(c.at).Milliseconds()+(theirs-ours).Milliseconds())
	}
	for range 200 {
		if jump := step(10*time.Second, 10*time.Second+time.Millisecond); jump != 0 {
			t.Fatalf("a clock that is a little fast jumped by %v", jump)
		}
	}
	if jump := step(time.Second, 1900*time.Millisecond); jump != 0 {
		t.Errorf("less than the drift allowed is a jump of %v", jump)
	}
	if jump := step(time.Second, 61*time.Second); jump < 59*time.Second || jump > 61*time.Second {
		t.Errorf("60 s forward is a jump of %v", jump)
	}
	if jump := step(time.Second, time.Second); jump != 0 {
		t.Errorf("after it the clock jumped by %v again", jump)
	}
	if jump := step(time.Second, -119*time.Second); jump > -119*time.Second || jump < -121*time.Second {
		t.Errorf("120 s back is a jump of %v", jump)
	}
}

// An answer that was long on its way says little: the server may have read its clock at the
// begin or at the end of it.
func TestClockSlowAnswer(t *testing.T) {
	at := time.Now()
	c := clock{now: func() time.Time { return at }}
	c.compare(at, 1_000_000)
	asked := at
	at = at.Add(5 * time.Second)
	for _, server := range []int64{1_000_000, 1_002_000, 1_005_900} {
		if jump := c.compare(asked, server); jump != 0 {
			t.Errorf("a reading of %d after 5 s is a jump of %v", server, jump)
		}
	}
	if jump := c.compare(asked, 1_006_100); jump == 0 {
		t.Error("a reading of more than can have passed is none")
	}
}
