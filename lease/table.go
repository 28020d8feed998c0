package lease

import (
	"math"
	"math/rand/v2"
	"time"
)

// ID names a lease of one table. The low 32 bits are the lease's slot, so that finding
// it needs no map; the high 32 bits change each time the slot is used anew, so that the
// ID of a lease that is gone names nothing. Zero is never given.
type ID uint64

// Slot gives the slot of the lease: small numbers without gaps, reused, for owners that
// keep what belongs to a lease in a slice.
func (id ID) Slot() uint32 { return uint32(id) }

func (id ID) tag() uint32 { return uint32(id >> 32) }

// Options says what a table takes the time from.
type Options struct {
	// Clock reads a monotonic clock that counts from any point. Nil: the process's own
	// monotonic clock, which also works in a testing/synctest bubble.
	Clock func() time.Duration
	// Boottime reads a clock that goes on while the machine is suspended, as [Boottime]
	// gives it. Nil: suspends are not noticed.
	Boottime func() time.Duration
	// OnPause hears of each pause and suspend. It runs inside the method that noticed,
	// and must not call the table.
	OnPause func(Pause)
}

// Table keeps the deadlines of leases. It is passive, it starts nothing, and it is not
// safe for concurrent use: it runs under its owner's lock, which is what makes it
// impossible for a renewal and an expiry to both win.
type Table struct {
	timeline

	leases []slot
	free   uint32 // first slot of the free list, plus one; zero: none
	tag    uint32 // of the latest grant
	keys   []time.Duration
	slots  []uint32 // the heap, with keys
	held   int
	maxTTL time.Duration // longest ever granted
}

// slot is a lease, or a link of the free list if its tag is zero.
type slot struct {
	deadline time.Duration // in table time
	ttl      time.Duration
	tag      uint32
	place    uint32 // in the heap, with heldBit; in the free list, the next slot plus one
}

// heldBit marks a slot whose own deadline passed and was put off by a hold.
const heldBit = 1 << 31

func (s *slot) isHeld() bool { return s.place&heldBit != 0 }

// NewTable makes an empty table, whose time starts now.
func NewTable(opts Options) *Table {
	t := &Table{tag: rand.Uint32()}
	t.timeline.start(opts)
	return t
}

// Grant makes a lease that is due after ttl, which must be more than 0, and gives its ID.
func (t *Table) Grant(ttl time.Duration) ID {
	if ttl <= 0 {
		panic("lease: grant of a ttl that is not more than 0")
	}
	now := t.now()
	n := t.take()
	s := &t.leases[n]
	s.tag = t.nextTag()
	s.ttl = ttl
	s.deadline = later(now, ttl)
	t.maxTTL = max(t.maxTTL, ttl)
	t.push(s.deadline, n)
	return ID(s.tag)<<32 | ID(n)
}

// Renew starts the lease's TTL anew and gives it. It refuses, with ok false, a lease
// that is unknown or whose deadline passed, whether [Table.Due] came to it or not.
func (t *Table) Renew(id ID) (ttl time.Duration, ok bool) {
	return t.RenewAt(id, t.now())
}

// RenewAt is [Table.Renew] at a moment that [Table.Now] has just given, for many
// renewals in one hold of the owner's lock: the reading of the clock costs more than the
// rest.
func (t *Table) RenewAt(id ID, now time.Duration) (ttl time.Duration, ok bool) {
	s := t.find(id)
	if s == nil || !t.alive(s, now) {
		return 0, false
	}
	s.deadline = later(now, s.ttl)
	t.unhold(s)
	return s.ttl, true
}

// Revoke ends a lease before its time. It is false for one that is unknown.
func (t *Table) Revoke(id ID) bool {
	s := t.find(id)
	if s == nil {
		return false
	}
	t.unhold(s)
	t.remove(s.place)
	t.release(id.Slot())
	return true
}

// Remaining gives the time until the lease is due, a hold included; ok is false if it is
// unknown or its deadline passed.
func (t *Table) Remaining(id ID) (left time.Duration, ok bool) {
	now := t.now()
	s := t.find(id)
	if s == nil || !t.alive(s, now) {
		return 0, false
	}
	return t.effective(s) - now, true
}

// LiveAt tells whether the lease is known and not due at a moment that [Table.Now] gave:
// for walks over many leases, which need not read the clock for each.
func (t *Table) LiveAt(id ID, at time.Duration) bool {
	s := t.find(id)
	return s != nil && t.alive(s, at)
}

// Knows tells whether the lease is in the table, due or not.
func (t *Table) Knows(id ID) bool { return t.find(id) != nil }

// Len is the number of leases, those included that are due and that [Table.Due] did not
// come to yet.
func (t *Table) Len() int { return len(t.keys) }

// Held is the number of leases that live on past their own deadline because of a hold,
// as far as [Table.Due] reported them.
func (t *Table) Held() int { return t.held }

func (t *Table) find(id ID) *slot {
	if n := id.Slot(); uint64(n) < uint64(len(t.leases)) {
		if s := &t.leases[n]; s.tag == id.tag() && s.tag != 0 {
			return s
		}
	}
	return nil
}

// alive checks the suspend clock before it calls anyone dead, so that the first caller
// after a suspend is judged as the owner's next pulse would.
func (t *Table) alive(s *slot, now time.Duration) bool {
	if s.deadline > now {
		return true
	}
	t.checkSuspend()
	return t.effective(s) > now
}

func (t *Table) unhold(s *slot) {
	if s.isHeld() {
		s.place &^= heldBit
		t.held--
	}
}

// take gives a slot to fill.
func (t *Table) take() uint32 {
	if t.free != 0 {
		n := t.free - 1
		t.free = t.leases[n].place
		return n
	}
	if uint64(len(t.leases)) >= heldBit {
		panic("lease: more than 2^31 leases")
	}
	t.leases = append(t.leases, slot{})
	return uint32(len(t.leases) - 1)
}

func (t *Table) release(n uint32) {
	t.leases[n] = slot{place: t.free}
	t.free = n + 1
}

// nextTag counts over all slots, from a random start: an ID comes back only if exactly
// 2^32 grants lie between two uses of its slot, or by chance after a restart.
func (t *Table) nextTag() uint32 {
	if t.tag++; t.tag == 0 {
		t.tag++
	}
	return t.tag
}

// later adds without running over.
func later(t, by time.Duration) time.Duration {
	if by > math.MaxInt64-t {
		return math.MaxInt64
	}
	return t + by
}
