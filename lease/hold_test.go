package lease

import (
	"slices"
	"testing"
	"time"
)

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
	tab.Grant(time.Second)
	c.stop(time.Minute)
	tab.Pulse()
	c.run(tab, time.Second) // its own deadline is that of the hold: make it pass by a second stop
	if due := drain(tab); len(due) != 1 || due[0].Held {
		t.Fatalf("Due = %v; a whole TTL was left, so there is nothing to hold", due)
	}
	id := tab.Grant(2 * time.Second)
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
