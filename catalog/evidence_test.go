package catalog

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// TestDisturbances: disturbances that follow on each other are one; those that are over, and
// the oldest of too many, are forgotten.
func TestDisturbances(t *testing.T) {
	const s = Moment(time.Second)
	var e evidence
	add := func(at Moment, gap time.Duration, cause Cause) { e.add(disturbance{at, gap, cause}, at) }
	add(100*s, 10*time.Second, Backend)
	add(103*s, 2*time.Second, Backend) // from 101 on
	add(110*s, time.Second, Backend)   // from 109 on
	add(110*s, time.Second, Outage)
	add(105*s, time.Second, Outage) // told late
	want := []disturbance{{103 * s, 13 * time.Second, Backend}, {110 * s, time.Second, Backend}, {110 * s, time.Second, Outage}, {105 * s, time.Second, Outage}}
	if len(e.past) != len(want) {
		t.Fatalf("%+v", e.past)
	}
	for i, d := range e.past {
		if d != want[i] {
			t.Errorf("%d: %+v, want %+v", i, d, want[i])
		}
	}
	// Seen not later than the recovery, its length and two seconds; and up to a TTL after it.
	for _, c := range []struct {
		seen, now Moment
		ttl       time.Duration
		until     Moment
	}{
		{104 * s, 104 * s, 30 * time.Second, 140 * s},
		{113 * s, 113 * s, 30 * time.Second, 140 * s},
		{118 * s, 118 * s, 30 * time.Second, 133 * s},
		{119 * s, 119 * s, 30 * time.Second, 0},
		{104 * s, 139 * s, 30 * time.Second, 140 * s},
		{104 * s, 140 * s, 30 * time.Second, 0},
		{104 * s, 104 * s, time.Hour, 410 * s},
		{104 * s, 104 * s, 2 * time.Second, 112 * s},
	} {
		if until, _ := e.until(c.seen, c.now, c.ttl); until != c.until {
			t.Errorf("seen at %d, at %d, TTL %v: until %d, want %d", c.seen/s, c.now/s, c.ttl, until/s, c.until/s)
		}
	}
	for i := range 2 * maxPast {
		add(Moment(i)*4*s+200*s, time.Second, Backend)
	}
	if len(e.past) > maxPast {
		t.Errorf("%d are remembered", len(e.past))
	}
	if add(5000*s, time.Second, Pause); len(e.past) != 1 {
		t.Errorf("%d are remembered long after", len(e.past))
	}
}

func TestCauses(t *testing.T) {
	names, texts := make(map[string]bool), make(map[string]bool)
	for c := range Causes + 2 {
		names[c.String()], texts[c.Text()] = true, true
	}
	if len(names) != int(Causes)+1 || len(texts) != int(Causes)+1 {
		t.Errorf("%v, %v", names, texts)
	}
}

// TestPauseHold: what was announced while this process stood still is judged with that known.
func TestPauseHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		other := join(t, p.backend, Options{})
		p.register("a", "1", ttl)
		p.register("a", "2", ttl)
		w := watching(p)
		// Its clock jumps: the first thing that it sees then is the deletion, before it has
		// looked at the clock by itself.
		pass(ttl + 10*time.Millisecond)
		p.paused.Add(int64(20 * time.Second))
		pass(100 * time.Millisecond)
		w.want("after the pause", "+1 suspected", "+2 suspected")
		if got := p.Held(); got[Pause] != 2 {
			t.Errorf("held %v", got)
		}
		other.want("there", "a", "")
		pass(ttl)
		w.want("a TTL later", "-1 expired", "-2 expired")
		if n := len(p.logs.with("the registry did not run for a while")); n != 1 {
			t.Errorf("%d lines of the pause", n)
		}
	})
}

// TestSuspendHold: in a suspend the monotonic clock stands still; only the boot time tells.
func TestSuspendHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slept atomic.Int64
		origin := time.Now()
		var told []time.Duration
		p := join(t, catalogtest.New(catalogtest.Options{}), Options{
			Boottime: func() time.Duration { return time.Since(origin) + time.Duration(slept.Load()) },
			OnPause:  func(gap time.Duration) { told = append(told, gap) },
		})
		p.register("a", "1", ttl)
		w := watching(p)
		pass(ttl - 100*time.Millisecond)
		slept.Add(int64(time.Minute))
		pass(2 * time.Second)
		w.want("after the suspend", "+1 suspected")
		if len(told) != 1 || told[0] < time.Minute || told[0] > time.Minute+time.Second {
			t.Errorf("told %v", told)
		}
	})
}

// TestDisturbedHold: what the backend says of itself excuses what ended then, and not later.
func TestDisturbedHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := alone(t)
		key := p.register("a", "1", ttl).Key
		p.register("a", "2", 10*time.Second)
		p.register("a", "3", 60*time.Second)
		w := watching(p)
		pass(5100 * time.Millisecond)
		now := time.Now()
		p.Disturbed(store.Disturbance{From: now.Add(-3 * time.Second), At: now, Why: "its clock jumped"})
		p.backend.EndEarly(key)
		pass(time.Second)
		w.want("ended early", "+1 suspected")
		if got := p.Held(); got[Backend] != 1 {
			t.Errorf("held %v", got)
		}
		pass(4 * time.Second) // the second runs out 4.9 seconds after the disturbance
		w.want("just within", "+2 suspected")
		pass(20 * time.Second)
		w.want("ten seconds from the disturbance", "-2 expired")
		pass(5 * time.Second)
		w.want("its TTL from the disturbance", "-1 expired")
		pass(30 * time.Second)
		w.want("much later", "-3 expired")
	})
}
