package lease

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// Any method may be the first to run after a pause; none may believe that time passed.
func TestPauseIsNoticedByWhoeverComesFirst(t *testing.T) {
	for name, first := range map[string]func(tab *Table, id ID) bool{
		"Renew":     func(tab *Table, id ID) bool { _, ok := tab.Renew(id); return ok },
		"Remaining": func(tab *Table, id ID) bool { _, ok := tab.Remaining(id); return ok },
		"LiveAt":    func(tab *Table, id ID) bool { return tab.LiveAt(id, tab.Now()) },
		"Due":       func(tab *Table, id ID) bool { return len(tab.Due(8, nil)) == 0 },
		"Next":      func(tab *Table, id ID) bool { wait, _ := tab.Next(); return wait > 0 },
		"Grant":     func(tab *Table, id ID) bool { tab.Grant(time.Second); return true },
		"Pulse":     func(tab *Table, id ID) bool { tab.Pulse(); return true },
	} {
		t.Run(name, func(t *testing.T) {
			var c clocks
			tab := c.table()
			id := tab.Grant(10 * time.Second)
			c.run(tab, 9*time.Second)
			c.stop(5 * time.Hour)
			if !first(tab, id) {
				t.Fatal("the lease is over")
			}
			if left, ok := tab.Remaining(id); !ok || left != 10*time.Second {
				t.Errorf("Remaining = %v, %v; want one TTL from the recovery", left, ok)
			}
			if want := []Pause{{Gap: 5 * time.Hour}}; !slices.Equal(c.pauses, want) {
				t.Errorf("pauses = %v, want %v", c.pauses, want)
			}
			if tab.Now() != 9*time.Second {
				t.Errorf("table time = %v, want that of the stop", tab.Now())
			}
		})
	}
}

func TestGapOfExactlyTheMaximumIsTime(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(MaxGap)
	c.stop(MaxGap)
	mustBeGone(t, tab, id)
	id = tab.Grant(MaxGap)
	c.stop(MaxGap + 1)
	if _, ok := tab.Renew(id); !ok || len(c.pauses) != 1 {
		t.Errorf("a nanosecond more is a pause: Renew = %v, pauses %v", ok, c.pauses)
	}
}

func TestHold(t *testing.T) {
	var c clocks
	tab := c.table()
	early := tab.Grant(4 * time.Second)        // falls in the lost time
	edge := tab.Grant(9001 * time.Millisecond) // at the last moment of it
	beyond := tab.Grant(20 * time.Second)      // after it
	c.run(tab, 3*time.Second)
	dead := tab.Grant(time.Millisecond)
	c.run(tab, time.Millisecond)
	c.stop(6 * time.Second) // from 3.001 to 9.001

	for _, tt := range []struct {
		name string
		id   ID
		want time.Duration
	}{
		{"early", early, 4 * time.Second},
		{"edge", edge, 9001 * time.Millisecond},
		{"beyond", beyond, 17*time.Second - time.Millisecond},
	} {
		if left, _ := tab.Remaining(tt.id); left != tt.want {
			t.Errorf("%s: Remaining = %v, want %v", tt.name, left, tt.want)
		}
	}
	mustBeGone(t, tab, dead)
	if due := drain(tab); len(due) != 1 || due[0].ID != dead {
		t.Errorf("Due = %v, want the one that was dead before", due)
	}
	fresh := tab.Grant(time.Second)

	c.run(tab, 999*time.Millisecond) // early's own deadline
	if due := drain(tab); len(due) != 1 || due[0] != (Expiry{ID: early, Held: true}) || tab.Held() != 1 {
		t.Errorf("Due = %v, Held = %d; want early held", due, tab.Held())
	}
	if due := drain(tab); len(due) != 0 {
		t.Errorf("Due = %v, want nothing twice", due)
	}
	c.run(tab, time.Millisecond)
	if due := drain(tab); len(due) != 1 || due[0] != (Expiry{ID: fresh}) {
		t.Errorf("Due = %v; a lease granted after the recovery waits for nothing", due)
	}
	c.run(tab, 3*time.Second-1)
	if ttl, ok := tab.Renew(early); !ok || ttl != 4*time.Second || tab.Held() != 0 {
		t.Errorf("Renew of a held lease = %v, %v; Held = %d", ttl, ok, tab.Held())
	}
	c.run(tab, 4*time.Second+time.Millisecond)
	due := drain(tab)
	if !slices.Contains(due, Expiry{ID: early}) || !slices.Contains(due, Expiry{ID: edge, Held: true}) || len(due) != 2 {
		t.Errorf("Due = %v; want early expired, without a second hold, and edge held", due)
	}
	c.run(tab, time.Second+1)
	if due := drain(tab); len(due) != 1 || due[0] != (Expiry{ID: edge}) || tab.Held() != 0 {
		t.Errorf("Due = %v, Held = %d; want the end of edge's hold", due, tab.Held())
	}
}

func TestHoldIsFiveMinutesAtMost(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(time.Hour)
	c.run(tab, time.Hour-time.Second)
	c.stop(time.Hour)
	if left, ok := tab.Remaining(id); !ok || left != MaxHold {
		t.Errorf("Remaining = %v, %v; want %v", left, ok, MaxHold)
	}
	c.run(tab, MaxHold)
	if due := drain(tab); len(due) != 1 || due[0].Held {
		t.Errorf("Due = %v, want the end", due)
	}
}

func TestRevokeOfAHeldLease(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(time.Second)
	c.stop(time.Minute)
	tab.Pulse()
	c.run(tab, time.Second) // its own deadline is that of the hold: make it pass by a second stop
	if due := drain(tab); len(due) != 1 || due[0].Held {
		t.Fatalf("Due = %v; a whole TTL was left, so there is nothing to hold", due)
	}
	id = tab.Grant(2 * time.Second)
	c.run(tab, time.Second)
	c.stop(time.Minute)
	c.run(tab, 1500*time.Millisecond)
	if due := drain(tab); len(due) != 1 || !due[0].Held || tab.Held() != 1 {
		t.Fatalf("Due = %v, Held = %d", due, tab.Held())
	}
	if !tab.Revoke(id) || tab.Held() != 0 || tab.Len() != 0 {
		t.Errorf("after Revoke: Held = %d, Len = %d", tab.Held(), tab.Len())
	}
}

func TestSuspend(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(10 * time.Second)
	c.run(tab, 9900*time.Millisecond)
	c.sleep(8 * time.Hour)
	c.stop(200 * time.Millisecond) // awake, and past the deadline before the next pulse
	if ttl, ok := tab.Remaining(id); !ok || ttl != 10*time.Second {
		t.Errorf("Remaining = %v, %v; the first to ask must see the suspend", ttl, ok)
	}
	if due := drain(tab); len(due) != 1 || !due[0].Held {
		t.Errorf("Due = %v, want held", due)
	}
	if want := []Pause{{Gap: 8 * time.Hour, Suspended: true}}; !slices.Equal(c.pauses, want) {
		t.Errorf("pauses = %v, want %v", c.pauses, want)
	}
	if tab.Now() != 10100*time.Millisecond {
		t.Errorf("table time = %v; the clock had stopped by itself", tab.Now())
	}
	c.run(tab, 10*time.Second)
	if due := drain(tab); len(due) != 1 || due[0].Held {
		t.Errorf("Due = %v, want the end", due)
	}
}

func TestSuspendIsSeenBeforeAnyoneIsCalledDead(t *testing.T) {
	for name, dead := range map[string]func(tab *Table, id ID) bool{
		"Renew":     func(tab *Table, id ID) bool { _, ok := tab.Renew(id); return !ok },
		"Remaining": func(tab *Table, id ID) bool { _, ok := tab.Remaining(id); return !ok },
		"LiveAt":    func(tab *Table, id ID) bool { return !tab.LiveAt(id, tab.Now()) },
		"Due":       func(tab *Table, id ID) bool { tab.Due(8, nil); return !tab.Knows(id) },
	} {
		t.Run(name, func(t *testing.T) {
			var c clocks
			tab := c.table()
			id := tab.Grant(10 * time.Second)
			c.run(tab, 9900*time.Millisecond)
			c.sleep(time.Hour)
			c.stop(200 * time.Millisecond)
			if dead(tab, id) || len(c.pauses) != 1 {
				t.Errorf("dead, or no suspend seen: %v", c.pauses)
			}
		})
	}
}

func TestStopAndSuspendAddUp(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(100 * time.Second)
	c.run(tab, 10*time.Second)
	c.stop(60 * time.Second)
	c.sleep(60 * time.Second)
	tab.Pulse()
	if left, _ := tab.Remaining(id); left != 100*time.Second {
		t.Errorf("Remaining = %v; 120 s were lost, so a whole TTL is due", left)
	}
	if len(tab.holds) != 1 {
		t.Errorf("%d holds for one recovery", len(tab.holds))
	}
}

func TestBoottimeThatLagsIsNoSuspend(t *testing.T) {
	var c clocks
	tab := c.table()
	c.mono += MaxGap
	tab.Pulse()
	c.run(tab, 10*time.Second)
	if len(c.pauses) != 0 {
		t.Errorf("pauses = %v", c.pauses)
	}
}

func TestClockThatGoesBackRevivesNobody(t *testing.T) {
	var c clocks
	tab := c.table()
	c.run(tab, 10*time.Second)
	id := tab.Grant(time.Second)
	c.run(tab, time.Second)
	c.mono -= 5 * time.Second
	mustBeGone(t, tab, id)
	c.mono += 100 * time.Millisecond
	if tab.Now() != 11100*time.Millisecond {
		t.Errorf("table time = %v, want 11.1s: it goes on from where it was", tab.Now())
	}
}

func TestHoldsAreForgotten(t *testing.T) {
	var c clocks
	tab := c.table()
	tab.Grant(time.Hour)
	id := tab.Grant(10 * time.Second)
	for range 3 * maxHolds {
		c.stop(time.Minute)
		tab.Pulse()
		c.run(tab, 100*time.Millisecond)
		tab.Renew(id)
		tab.Due(8, nil)
	}
	if len(tab.holds) != maxHolds {
		t.Errorf("%d holds, want them bounded by %d", len(tab.holds), maxHolds)
	}
	for range 1200 {
		c.run(tab, PulseEvery)
		tab.Renew(id)
		tab.Due(8, nil)
	}
	if len(tab.holds) != 0 || tab.Len() != 2 {
		t.Errorf("%d holds after five quiet minutes, %d leases", len(tab.holds), tab.Len())
	}
}

// Where the list of holds is full, two become one, and nobody loses by it.
func TestHoldsThatAreJoined(t *testing.T) {
	var c clocks
	tab := c.table()
	near := tab.Grant(16*time.Minute + 500*time.Microsecond) // gone before the next hold
	far := tab.Grant(20 * time.Minute)
	c.run(tab, 16*time.Minute)
	c.stop(time.Hour) // both deadlines are in it
	tab.Pulse()
	for range 2 * maxHolds { // neither deadline is in these
		c.run(tab, time.Millisecond)
		c.stop(MaxGap + 1)
		tab.Pulse()
	}
	c.run(tab, 4*time.Minute+30*time.Second)
	for name, id := range map[string]ID{"near": near, "far": far} {
		if left, ok := tab.Remaining(id); !ok || left < 29*time.Second {
			t.Errorf("%s: Remaining = %v, %v; want half a minute", name, left, ok)
		}
	}
}

// A process that is stopped again and again, each time a little before its clients
// come, must not lose them: each stop is new evidence.
func TestEndlessStops(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(5 * time.Second)
	for i := range 10 * maxHolds {
		c.run(tab, time.Second)
		c.stop(time.Minute)
		for _, e := range drain(tab) {
			if !e.Held {
				t.Fatalf("stop %d: expired", i)
			}
		}
	}
	if _, ok := tab.Renew(id); !ok {
		t.Error("gone after the last stop")
	}
}

func TestBoottimeOfThisSystem(t *testing.T) {
	read := Boottime()
	if read == nil {
		if runtime.GOOS == "linux" {
			t.Fatal("Linux has CLOCK_BOOTTIME since 2.6.39")
		}
		t.Skip("no boot time clock here")
	}
	a := read()
	b := read()
	if a <= 0 || b < a || b-a > time.Minute {
		t.Errorf("two readings: %v, %v", a, b)
	}
}
