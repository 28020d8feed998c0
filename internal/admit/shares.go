package admit

import (
	"context"
	"sync"
	"time"
)

// The figures of a look at the shares.
const (
	lookEvery = 100 * time.Millisecond
	// saturated is the delay of the processor, of one in a hundred goroutines that could run,
	// from which on somebody has too much of it.
	saturated = 300 * time.Microsecond
	// slower and faster are the steps in which a bound moves.
	slower, faster = 0.7, 1.04
	// forget is after how many looks at which an identity asked for much less than it may its
	// bound is lifted.
	forget = 20
	// keeps is the part of the most that this node was seen to do that stays for those that are
	// bounded, whatever takes the processor. With a half of it, another's heartbeats took up to
	// 2.9 times as long as without the flood; with this, less than twice.
	keeps = 0.25
	// least is the requests a second that no bound goes below.
	least = 500
	// decay makes the most that this node was seen to do forgotten, by half in a minute.
	decay = 0.9988
)

// Shares keeps identities from taking the whole of the processor from each other. While no
// work waits for it, or one identity is alone, nobody is slowed down. Its methods may be called
// concurrently.
type Shares struct {
	lag func() time.Duration

	mu   sync.Mutex
	of   map[string]*Share
	peak float64 // requests a second that this node was seen to do
}

// NewShares makes the shares. Bounds move while Run runs.
func NewShares() *Shares { return newShares(newDelays().last) }

func newShares(lag func() time.Duration) *Shares {
	return &Shares{lag: lag, of: make(map[string]*Share)}
}

// Join gives the share of an identity, for one connection of it; Leave undoes that.
func (x *Shares) Join(identity string) *Share {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.of[identity]
	if s == nil {
		s = new(Share)
		x.of[identity] = s
	}
	s.members++
	return s
}

// Leave tells that a connection of the identity is gone. The last takes the share with it.
func (x *Shares) Leave(identity string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.of[identity]
	if s == nil {
		return
	}
	if s.members--; s.members <= 0 {
		delete(x.of, identity)
	}
}

// Bounded is how many identities are slowed down.
func (x *Shares) Bounded() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for _, s := range x.of {
		if s.interval.Load() > 0 {
			n++
		}
	}
	return n
}

// Run looks at the shares until the context ends, whose error it gives.
func (x *Shares) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := since()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			now := since()
			x.look(time.Duration(now - last))
			last = now
		}
	}
}

// look moves the bounds by what was asked for since the last look.
func (x *Shares) look(passed time.Duration) {
	if passed <= 0 {
		return
	}
	late := x.lag() >= saturated
	x.mu.Lock()
	defer x.mu.Unlock()
	rates := make(map[*Share]float64)
	total := 0.0
	for _, s := range x.of {
		if n := s.taken.Swap(0); n > 0 || s.interval.Load() > 0 {
			rates[s] = float64(n) / passed.Seconds()
			total += rates[s]
		}
	}
	x.peak = max(x.peak*decay, total)
	// Who is connected may want something at any moment, though it seldom does: a heartbeat
	// comes every few seconds.
	even := total / float64(max(len(x.of), 1))
	heavy := 0
	for _, r := range rates {
		if isHeavy(r, even, total) {
			heavy++
		}
	}
	for s, r := range rates {
		s.move(late && len(x.of) > 1, isHeavy(r, even, total), r, max(x.peak*keeps/float64(max(heavy, 1)), least))
	}
}

// isHeavy tells whether an identity asks for so much that it is felt: more than an even share,
// and more than a tenth of all.
func isHeavy(rate, even, total float64) bool { return rate > even && rate > total/10 }

// move moves the bound of a share: down, but never below floor, while others wait for what a
// heavy one takes; up again when nobody does.
func (s *Share) move(late, heavy bool, rate, floor float64) {
	interval := s.interval.Load()
	bound := 0.0
	if interval > 0 {
		bound = float64(time.Second) / float64(interval)
	}
	switch {
	case late && heavy:
		if bound == 0 || rate < bound {
			bound = rate
		}
		bound, s.idle = max(bound*slower, floor), 0
	case bound == 0:
		return
	case late:
	default:
		bound *= faster
		if s.idle++; rate > bound/2 {
			s.idle = 0
		}
	}
	if s.idle > forget {
		s.interval.Store(0)
		return
	}
	s.interval.Store(max(1, int64(float64(time.Second)/bound)))
}
