package admit

import "sync"

// Counts bounds how many of something each key has at a time. A nil Counts bounds nothing.
// Its methods may be called concurrently. What it remembers is bounded by what is counted: a
// key that has none is forgotten.
type Counts[K comparable] struct {
	most int

	mu sync.Mutex
	n  map[K]int
}

// NewCounts allows each key that many; nil, no bound, where that is 0.
func NewCounts[K comparable](most int) *Counts[K] {
	if most <= 0 {
		return nil
	}
	return &Counts[K]{most: most, n: make(map[K]int)}
}

// Enter counts one more of the key, which Leave must undo; or gives false, with nothing
// counted, where the key has as many as it may.
func (c *Counts[K]) Enter(key K) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[key] >= c.most {
		return false
	}
	c.n[key]++
	return true
}

// Leave counts one less of the key.
func (c *Counts[K]) Leave(key K) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[key]--; c.n[key] <= 0 {
		delete(c.n, key)
	}
}
