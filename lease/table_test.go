package lease

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// clocks are a machine's clocks in the hand of a test.
type clocks struct {
	mono, boot time.Duration
	pauses     []Pause
}

func (c *clocks) table() *Table {
	return NewTable(Options{
		Clock:    func() time.Duration { return c.mono },
		Boottime: func() time.Duration { return c.boot },
		OnPause:  func(p Pause) { c.pauses = append(c.pauses, p) },
	})
}

// run lets time pass as it does for an owner that pulses.
func (c *clocks) run(t *Table, d time.Duration) {
	for d > 0 {
		step := min(d, PulseEvery)
		c.stop(step)
		t.Pulse()
		d -= step
	}
}

// stop lets time pass while the process does not run.
func (c *clocks) stop(d time.Duration) { c.mono += d; c.boot += d }

// sleep suspends the machine.
func (c *clocks) sleep(d time.Duration) { c.boot += d }

// drain takes all that is due.
func drain(t *Table) (out []Expiry) {
	for {
		out = t.Due(64, out)
		if wait, ok := t.Next(); !ok || wait > 0 {
			return out
		}
	}
}

func mustBeGone(t *testing.T, tab *Table, id ID) {
	t.Helper()
	if _, ok := tab.Renew(id); ok {
		t.Errorf("Renew of %x, which is gone, worked", id)
	}
	if _, ok := tab.Remaining(id); ok {
		t.Errorf("Remaining of %x, which is gone", id)
	}
	if tab.LiveAt(id, tab.Now()) {
		t.Errorf("LiveAt of %x, which is gone", id)
	}
}

func TestDeadlineIsExact(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(10 * time.Second)
	c.run(tab, 10*time.Second-1)
	if left, ok := tab.Remaining(id); left != 1 || !ok {
		t.Errorf("a nanosecond before: Remaining = %v, %v", left, ok)
	}
	if due := drain(tab); len(due) != 0 {
		t.Errorf("a nanosecond before: Due = %v", due)
	}
	if wait, ok := tab.Next(); wait != 1 || !ok {
		t.Errorf("a nanosecond before: Next = %v, %v", wait, ok)
	}
	c.run(tab, 1)
	mustBeGone(t, tab, id)
	if !tab.Knows(id) || tab.Len() != 1 {
		t.Errorf("due, not taken: Knows = %v, Len = %d", tab.Knows(id), tab.Len())
	}
	if due := drain(tab); len(due) != 1 || due[0] != (Expiry{ID: id}) {
		t.Errorf("at the deadline: Due = %v, want %x", due, id)
	}
	if _, ok := tab.Next(); ok || tab.Len() != 0 || tab.Knows(id) || tab.Revoke(id) {
		t.Error("something is left of a lease that was taken")
	}
}

func TestRenewStartsAnew(t *testing.T) {
	var c clocks
	tab := c.table()
	id := tab.Grant(3 * time.Second)
	for range 5 {
		c.run(tab, 3*time.Second-1)
		if ttl, ok := tab.Renew(id); ttl != 3*time.Second || !ok {
			t.Fatalf("Renew = %v, %v", ttl, ok)
		}
		if due := drain(tab); len(due) != 0 {
			t.Fatalf("Due after a renewal = %v", due)
		}
	}
	c.run(tab, 3*time.Second)
	if due := drain(tab); len(due) != 1 || due[0].ID != id {
		t.Errorf("Due = %v, want %x", due, id)
	}
}

func TestStaleIDOfAReusedSlot(t *testing.T) {
	var c clocks
	tab := c.table()
	old := tab.Grant(time.Second)
	if !tab.Revoke(old) {
		t.Fatal("Revoke of a live lease is false")
	}
	id := tab.Grant(time.Minute)
	if id.Slot() != old.Slot() {
		t.Fatalf("slot %d was not used again, but %d", old.Slot(), id.Slot())
	}
	if free := tab.Grant(time.Minute); tab.Revoke(free) && tab.Knows(ID(free.Slot())) {
		t.Error("the ID without a tag names a free slot")
	}
	mustBeGone(t, tab, old)
	if tab.Knows(old) || tab.Revoke(old) {
		t.Error("the stale ID names the new lease")
	}
	if left, _ := tab.Remaining(id); left != time.Minute {
		t.Errorf("the new lease has %v left", left)
	}
	for _, never := range []ID{0, ID(id.Slot()), ID(math.MaxUint64), id + 1} {
		mustBeGone(t, tab, never)
		if tab.Knows(never) || tab.Revoke(never) {
			t.Errorf("%x names a lease", never)
		}
	}
}

func TestTagsSkipZero(t *testing.T) {
	tab := new(clocks).table()
	tab.tag = math.MaxUint32
	if id := tab.Grant(1); id.tag() != 1 {
		t.Errorf("the tag after the greatest is %d, want 1", id.tag())
	}
}

func TestFreeListServesEverySlotOnce(t *testing.T) {
	tab := new(clocks).table()
	var ids []ID
	for range 100 {
		ids = append(ids, tab.Grant(time.Second))
	}
	for _, id := range ids {
		tab.Revoke(id)
	}
	seen := map[uint32]bool{}
	for range 100 {
		id := tab.Grant(time.Second)
		if seen[id.Slot()] || id.Slot() >= 100 {
			t.Fatalf("slot %d given twice or beyond those that were free", id.Slot())
		}
		seen[id.Slot()] = true
	}
}

func TestGreatestTTLDoesNotRunOver(t *testing.T) {
	var c clocks
	tab := c.table()
	c.run(tab, time.Second)
	id := tab.Grant(math.MaxInt64)
	if _, ok := tab.Renew(id); !ok || len(drain(tab)) != 0 {
		t.Error("a lease of 292 years is over")
	}
	c.stop(time.Hour)
	if _, ok := tab.Renew(id); !ok || len(drain(tab)) != 0 {
		t.Error("a lease of 292 years is over after a pause")
	}
}

func TestGrantOfNoTimePanics(t *testing.T) {
	tab := new(clocks).table()
	defer func() {
		if recover() == nil || tab.Len() != 0 {
			t.Error("Grant(0) did not panic, or left a lease")
		}
	}()
	tab.Grant(0)
}

func TestDefaultClockRunsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := NewTable(Options{})
		id := tab.Grant(time.Second)
		for range 4 {
			if !tab.LiveAt(id, tab.Now()) {
				t.Fatal("over too early")
			}
			time.Sleep(PulseEvery)
		}
		mustBeGone(t, tab, id)
	})
}

func TestRenewAllocatesNothing(t *testing.T) {
	tab := NewTable(Options{Boottime: Boottime()})
	id := tab.Grant(time.Hour)
	if n := testing.AllocsPerRun(1000, func() { tab.Renew(id) }); n != 0 {
		t.Errorf("Renew allocates %v times", n)
	}
	into := make([]Expiry, 0, 8)
	if n := testing.AllocsPerRun(1000, func() {
		tab.Revoke(tab.Grant(time.Second))
		into = tab.Due(8, into[:0])
		tab.Pulse()
	}); n != 0 {
		t.Errorf("Grant, Revoke, Due and Pulse allocate %v times", n)
	}
}
