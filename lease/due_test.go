package lease

import (
	"testing"
	"time"
)

func TestDueIsBoundedAndInOrder(t *testing.T) {
	var c clocks
	tab := c.table()
	want := make([]ID, 1000)
	for i := range want {
		at := i * 7 % len(want)
		want[at] = tab.Grant(time.Second + time.Duration(at))
	}
	c.run(tab, 2*time.Second)
	var due []Expiry
	for n := 1; ; n++ {
		before := len(due)
		if due = tab.Due(10, due); len(due)-before > 10 {
			t.Fatalf("Due(10) gave %d", len(due)-before)
		}
		if wait, ok := tab.Next(); !ok {
			break
		} else if wait != 0 {
			t.Fatalf("after %d calls Next = %v", n, wait)
		}
	}
	if len(due) != len(want) {
		t.Fatalf("%d due, want %d", len(due), len(want))
	}
	for i := range due {
		if due[i].ID != want[i] {
			t.Fatalf("due[%d] = %x, want %x", i, due[i].ID, want[i])
		}
	}
}

func TestDueCountsTheRenewedToo(t *testing.T) {
	var c clocks
	tab := c.table()
	ids := make([]ID, 30)
	for i := range ids {
		ids[i] = tab.Grant(time.Second)
	}
	c.run(tab, 500*time.Millisecond)
	for _, id := range ids {
		tab.Renew(id)
	}
	c.run(tab, 500*time.Millisecond)
	for range 3 {
		if wait, _ := tab.Next(); wait != 0 {
			t.Fatalf("Next = %v with entries to move", wait)
		}
		if due := tab.Due(10, nil); len(due) != 0 {
			t.Fatalf("Due = %v, all were renewed", due)
		}
	}
	if wait, _ := tab.Next(); wait != 500*time.Millisecond {
		t.Errorf("Next = %v after 30 moves, want 500ms", wait)
	}
}
