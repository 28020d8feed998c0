package catalog

// pool is a dense set of entries, with the weights in a Fenwick tree (P. Fenwick, "A new
// data structure for cumulative frequency tables", 1994), so that adding, removing and
// choosing by weight cost at most a logarithm of its size.
type pool struct {
	entries []*entry
	weights []uint64 // Fenwick tree, from index 1
}

// add gives the slot that the entry took.
func (p *pool) add(e *entry) int32 {
	if len(p.weights) == 0 {
		p.weights = append(p.weights, 0)
	}
	p.entries = append(p.entries, e)
	i := len(p.entries)
	// The new node covers (i - lowbit(i), i]: its own weight and its children's.
	sum := e.weight()
	for j := i - 1; j > i-(i&-i); j -= j & -j {
		sum += p.weights[j]
	}
	p.weights = append(p.weights, sum)
	return int32(i - 1)
}

// remove empties the slot by moving the last entry there, which it gives, nil if the
// slot was the last.
func (p *pool) remove(slot int32) *entry {
	last := len(p.entries) - 1
	gone, moved := p.entries[slot], p.entries[last]
	p.entries[last] = nil
	p.entries = p.entries[:last]
	p.weights = p.weights[:last+1]
	if int(slot) == last {
		return nil
	}
	p.entries[slot] = moved
	// In wrapping arithmetic a difference may be negative.
	diff := moved.weight() - gone.weight()
	for i := int(slot) + 1; i < len(p.weights); i += i & -i {
		p.weights[i] += diff
	}
	return moved
}

// total is the sum of all weights.
func (p *pool) total() uint64 {
	var sum uint64
	for i := len(p.entries); i > 0; i -= i & -i {
		sum += p.weights[i]
	}
	return sum
}

// at gives the entry in which the running sum of weights passes n; n < total().
func (p *pool) at(n uint64) *entry {
	i, step := 0, 1
	for step*2 <= len(p.entries) {
		step *= 2
	}
	for ; step > 0; step /= 2 {
		if next := i + step; next < len(p.weights) && p.weights[next] <= n {
			n -= p.weights[next]
			i = next
		}
	}
	return p.entries[i]
}
