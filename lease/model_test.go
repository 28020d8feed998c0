package lease

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is the table said plainly: a map of deadlines, with holds applied to every lease
// at once, at the moment of the recovery.
type model struct {
	now    time.Duration
	leases map[ID]*modelLease

	// The latest loss. Another one with the same recovery adds to it: no time passed in
	// between in which anyone could have renewed.
	at, from, gap time.Duration
}

type modelLease struct {
	ttl, deadline time.Duration
	own           time.Duration // the deadline without holds
	reported      bool          // as held
}

func (m *model) grant(id ID, ttl time.Duration) {
	m.leases[id] = &modelLease{ttl: ttl, deadline: m.now + ttl, own: m.now + ttl}
}

func (m *model) renew(id ID) bool {
	l := m.leases[id]
	if l == nil || l.deadline <= m.now {
		return false
	}
	*l = modelLease{ttl: l.ttl, deadline: m.now + l.ttl, own: m.now + l.ttl}
	return true
}

// lose is a loss of time after the moment from, noticed now.
func (m *model) lose(from, gap time.Duration) {
	if m.gap > 0 && m.at == m.now {
		from, gap = min(from, m.from), gap+m.gap
	}
	m.at, m.from, m.gap = m.now, from, gap
	for _, l := range m.leases {
		if l.deadline > from && l.deadline <= m.now+gap {
			l.deadline = max(l.deadline, m.now+min(l.ttl, MaxHold))
		}
	}
}

// due gives all that a table should report now, by ID.
func (m *model) due() map[Expiry]bool {
	out := map[Expiry]bool{}
	for id, l := range m.leases {
		switch {
		case l.deadline <= m.now:
			out[Expiry{ID: id}] = true
			delete(m.leases, id)
		case l.own <= m.now && !l.reported:
			out[Expiry{ID: id, Held: true}] = true
			l.reported = true
		}
	}
	return out
}

func (m *model) held() (n int) {
	for _, l := range m.leases {
		if l.reported {
			n++
		}
	}
	return n
}

func TestTableAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c clocks
		tab := c.table()
		m := &model{leases: map[ID]*modelLease{}}
		var everGranted []ID

		ttls := rapid.SampledFrom([]time.Duration{
			time.Nanosecond, 100 * time.Millisecond, time.Second, 1500 * time.Millisecond,
			10 * time.Second, MaxHold, MaxHold + time.Second, time.Hour,
		})
		anyID := func(t *rapid.T) ID {
			if len(everGranted) == 0 {
				t.Skip("no leases yet")
			}
			// Mostly recent ones, which are mostly alive.
			back := rapid.IntRange(0, min(len(everGranted), 30)-1).Draw(t, "back")
			return everGranted[len(everGranted)-1-back]
		}
		t.Repeat(map[string]func(*rapid.T){
			"grant": func(t *rapid.T) {
				ttl := ttls.Draw(t, "ttl")
				id := tab.Grant(ttl)
				if m.leases[id] != nil {
					t.Fatalf("%x was given twice", id)
				}
				m.grant(id, ttl)
				everGranted = append(everGranted, id)
			},
			"renew": func(t *rapid.T) {
				id := anyID(t)
				want := m.renew(id)
				if _, ok := tab.Renew(id); ok != want {
					t.Fatalf("Renew(%x) = %v, want %v", id, ok, want)
				}
			},
			"revoke": func(t *rapid.T) {
				id := anyID(t)
				want := m.leases[id] != nil
				delete(m.leases, id)
				if ok := tab.Revoke(id); ok != want {
					t.Fatalf("Revoke(%x) = %v, want %v", id, ok, want)
				}
			},
			"run": func(t *rapid.T) {
				d := time.Duration(rapid.Int64Range(1, int64(MaxGap)).Draw(t, "d"))
				c.stop(d)
				m.now += d
				tab.Pulse()
			},
			"run long": func(t *rapid.T) {
				for range rapid.IntRange(1, 1500).Draw(t, "pulses") {
					c.stop(MaxGap)
					m.now += MaxGap
					tab.Pulse()
				}
			},
			"stop": func(t *rapid.T) {
				gap := time.Duration(rapid.Int64Range(int64(MaxGap)+1, int64(20*time.Second)).Draw(t, "gap"))
				c.stop(gap)
				m.lose(m.now, gap)
				if rapid.Bool().Draw(t, "pulse") {
					tab.Pulse()
				}
			},
			"suspend": func(t *rapid.T) {
				gap := time.Duration(rapid.Int64Range(int64(MaxGap)+1, int64(time.Hour)).Draw(t, "gap"))
				awake := time.Duration(rapid.Int64Range(0, int64(PulseEvery)).Draw(t, "awake"))
				tab.Pulse() // the model does not know when the table last looked
				c.sleep(gap)
				c.stop(awake)
				from := m.now
				m.now += awake
				m.lose(from, gap)
				tab.Pulse()
			},
			"due": func(t *rapid.T) {
				limit := rapid.IntRange(1, 5).Draw(t, "limit")
				want := m.due()
				var got []Expiry
				for {
					n := len(got)
					if got = tab.Due(limit, got); len(got)-n > limit {
						t.Fatalf("Due(%d) gave %d", limit, len(got)-n)
					}
					if wait, ok := tab.Next(); !ok || wait > 0 {
						break
					}
				}
				for _, e := range got {
					if !want[e] {
						t.Fatalf("Due gave %+v, which the model does not", e)
					}
					delete(want, e)
				}
				if len(want) > 0 {
					t.Fatalf("Due did not give %+v", slices.Collect(maps.Keys(want)))
				}
				if tab.Held() != m.held() {
					t.Fatalf("Held = %d, want %d", tab.Held(), m.held())
				}
			},
			"": func(t *rapid.T) {
				checkHeap(t, tab)
				if tab.Len() != len(m.leases) {
					t.Fatalf("Len = %d, want %d", tab.Len(), len(m.leases))
				}
				if tab.Now() != m.now {
					t.Fatalf("table time = %v, want %v", tab.Now(), m.now)
				}
				for id, l := range m.leases {
					left, ok := tab.Remaining(id)
					if want := l.deadline - m.now; ok != (want > 0) || ok && left != want {
						t.Fatalf("Remaining(%x) = %v, %v; want %v", id, left, ok, want)
					}
				}
			},
		})
	})
}

// checkHeap checks what the heap and the slots promise to each other.
func checkHeap(t *rapid.T, tab *Table) {
	for i, key := range tab.keys {
		s := tab.leases[tab.slots[i]]
		switch {
		case i > 0 && tab.keys[(i-1)/fanout] > key:
			t.Fatalf("place %d is before its parent", i)
		case s.tag == 0:
			t.Fatalf("place %d is of a free slot", i)
		case int(s.place&^heldBit) != i:
			t.Fatalf("place %d: its slot says %d", i, s.place&^heldBit)
		case cmp.Compare(key, s.deadline) > 0:
			t.Fatalf("place %d has key %v after its deadline %v", i, key, s.deadline)
		}
	}
}
