package lease

import (
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
