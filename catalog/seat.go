package catalog

// seat is which pool of its service an instance stands in, and where: 0 is none. The two
// share one word, because there is one for each instance.
type seat uint32

// noTier is the pool of those that stand in none.
const noTier int8 = -1

// seatAt gives the seat at a slot of a pool.
func seatAt(tier int8, slot int32) seat { return seat(slot)*tiers + seat(tier) + 1 }

// tier gives the pool.
func (s seat) tier() int8 {
	if s == 0 {
		return noTier
	}
	return int8((s - 1) % tiers)
}

// slot gives the place in the pool, which there must be.
func (s seat) slot() int32 { return int32((s - 1) / tiers) }
