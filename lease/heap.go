package lease

import "time"

// The deadlines form a 4-ary min-heap in two parallel slices: four children's keys lie
// side by side in 32 bytes, and no padding is paid for the slot numbers. Each live lease
// has exactly one entry, and its slot knows the place, so that Revoke leaves no garbage
// behind that would have to be collected in one long stop.
//
// A key is never later than its lease's deadline: renewals move the deadline only.

const fanout = 4

// put writes an entry and tells its slot the place.
func (t *Table) put(i uint32, key time.Duration, n uint32) {
	t.keys[i] = key
	t.slots[i] = n
	s := &t.leases[n]
	s.place = s.place&heldBit | i
}

func (t *Table) push(key time.Duration, n uint32) {
	t.keys = append(t.keys, key)
	t.slots = append(t.slots, n)
	t.leases[n].place = 0
	t.up(uint32(len(t.keys)-1), key, n)
}

// remove takes the entry at place i out; the place of its slot is then meaningless.
func (t *Table) remove(i uint32) {
	last := uint32(len(t.keys) - 1)
	key, n := t.keys[last], t.slots[last]
	t.keys, t.slots = t.keys[:last], t.slots[:last]
	if i == last {
		return
	}
	if i > 0 && key < t.keys[(i-1)/fanout] {
		t.up(i, key, n)
	} else {
		t.down(i, key, n)
	}
}

// up finds the place for an entry at i or above.
func (t *Table) up(i uint32, key time.Duration, n uint32) {
	for i > 0 {
		parent := (i - 1) / fanout
		if t.keys[parent] <= key {
			break
		}
		t.put(i, t.keys[parent], t.slots[parent])
		i = parent
	}
	t.put(i, key, n)
}

// down finds the place for an entry at i or below.
func (t *Table) down(i uint32, key time.Duration, n uint32) {
	size := uint64(len(t.keys))
	for {
		first := uint64(i)*fanout + 1
		if first >= size {
			break
		}
		least := first
		for c := first + 1; c < min(first+fanout, size); c++ {
			if t.keys[c] < t.keys[least] {
				least = c
			}
		}
		if t.keys[least] >= key {
			break
		}
		t.put(i, t.keys[least], t.slots[least])
		i = uint32(least)
	}
	t.put(i, key, n)
}
