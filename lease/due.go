package lease

import "time"

// Expiry is a lease that came to its deadline.
type Expiry struct {
	ID ID
	// Held: the lease lives on under a hold, and can be renewed. It is reported once
	// as held, and again without it if the hold ends before a renewal. Without Held, the
	// lease is gone and its ID names nothing any more.
	Held bool
}

// Due takes what is due out of the table, in the order of the deadlines, and appends it
// to into. It looks at no more than limit entries, some of which may turn out to be
// renewed: whether there is more to do, [Table.Next] says.
func (t *Table) Due(limit int, into []Expiry) []Expiry {
	now := t.now()
	if len(t.keys) > 0 && t.keys[0] <= now {
		t.checkSuspend() // before anyone is called dead
	}
	for ; len(t.keys) > 0 && t.keys[0] <= now; limit-- {
		if limit <= 0 {
			return into
		}
		n := t.slots[0]
		s := &t.leases[n]
		if s.deadline > t.keys[0] {
			t.down(0, s.deadline, n)
			continue
		}
		id := ID(s.tag)<<32 | ID(n)
		if until := t.effective(s); until > now {
			s.deadline = until
			t.down(0, until, n)
			if !s.isHeld() {
				s.place |= heldBit
				t.held++
				into = append(into, Expiry{ID: id, Held: true})
			}
			continue
		}
		t.Revoke(id)
		into = append(into, Expiry{ID: id})
	}
	t.forget(now, t.maxTTL)
	return into
}

// Next gives the time until [Table.Due] may have something to do, zero if it has now; ok
// is false if there are no leases.
func (t *Table) Next() (wait time.Duration, ok bool) {
	now := t.now()
	if len(t.keys) == 0 {
		return 0, false
	}
	return max(0, t.keys[0]-now), true
}

// effective gives the deadline with what holds add to it.
func (t *Table) effective(s *slot) time.Duration {
	d := s.deadline
	for i := range t.holds {
		d = t.holds[i].extend(d, s.ttl)
	}
	return d
}
