package api

import (
	"runtime"
	"sync"
)

// turns lets few streams at a time tell their readers of changes, in the order in which they had
// something to tell. A change that thousands follow would else make thousands of goroutines
// runnable at once, and whatever else comes to the node meanwhile, a heartbeat above all, would
// wait behind them: the scheduler asks the network for news when it has nothing left to run.
//
// A turn is never held while its stream waits for a reader: see seat.yield. What changes while a
// stream waits for its turn goes out in one write.
type turns struct {
	mu          sync.Mutex
	free        int   // turns that nobody has
	first, last *seat // who waits, linked by next

	// working are the goroutines that have a turn, or had one and wait for a reader. They are
	// waited for by API.Wait, once no stream is left for which one could begin.
	working sync.WaitGroup
}

func newTurns(n int) *turns { return &turns{free: n} }

// turnsHere is how many streams write at a time: half of the processors are left to all else.
func turnsHere() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// seat is the place of one stream among the turns. Its methods may be called concurrently.
type seat struct {
	turns *turns
	// do is what a turn is for: a goroutine of the turns does it. Where it is nil the stream
	// has a goroutine of its own, which takes a token from begin and calls done.
	do    func()
	begin chan struct{}

	// Guarded by turns.mu.
	next  *seat
	state seatState
	more  bool // something came while it was busy
}

type seatState uint8

const (
	away    seatState = iota // busy without a turn, as a stream is at its beginning
	resting                  // has nothing to tell
	waiting                  // for a turn
	holding                  // a turn
	gone
)

// want says that the stream has something to tell. It does not block.
func (s *seat) want() {
	t := s.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	switch s.state {
	case resting:
		s.queue()
		t.hand()
	case away, holding:
		s.more = true
	}
}

// queue has the stream wait at the end of the line; it needs turns.mu.
func (s *seat) queue() {
	t := s.turns
	s.state, s.more = waiting, false
	if t.last == nil {
		t.first = s
	} else {
		t.last.next = s
	}
	t.last = s
}

// yield gives the turn to the next stream while this one goes on, because it has to wait for its
// reader.
func (s *seat) yield() {
	t := s.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.state == holding {
		s.state = away
		t.free++
		t.hand()
	}
}

// done ends a turn, or what the stream did without one. It waits for another where something came
// meanwhile.
func (s *seat) done() {
	t := s.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	s.rest()
	t.hand()
}

// rest is done without handing on the turn; it needs turns.mu.
func (s *seat) rest() {
	switch s.state {
	case gone:
		return
	case holding:
		s.turns.free++
	}
	if s.state = resting; s.more {
		s.queue()
	}
}

// leave gives up the seat: it gets no turn any more.
func (s *seat) leave() {
	t := s.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.state == holding {
		t.free++
	}
	s.state = gone // where it waits it is passed over
	t.hand()
}

// take gives a free turn to the first who waits, whom it gives; nil for no turn, or nobody. It
// needs turns.mu.
func (t *turns) take() *seat {
	for t.free > 0 && t.first != nil {
		s := t.first
		if t.first = s.next; t.first == nil {
			t.last = nil
		}
		s.next = nil
		if s.state == waiting {
			s.state = holding
			t.free--
			return s
		}
	}
	return nil
}

// hand starts whoever can have a turn; it needs turns.mu.
func (t *turns) hand() {
	for s := t.take(); s != nil; s = t.take() {
		if s.do == nil {
			s.begin <- struct{}{} // has room: nobody gets a turn twice before it is done
			continue
		}
		t.working.Go(func() { t.work(s) })
	}
}

// work has the turn of a stream, and then those of the streams behind it as long as it gets
// them: they need no goroutine each, nor the scheduler.
func (t *turns) work(s *seat) {
	for s != nil {
		s.do()
		s = t.following(s)
	}
}

// following ends a turn, and gives the stream for which this goroutine works next; nil: none.
func (t *turns) following(s *seat) *seat {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.rest()
	next := t.take()
	if next != nil && next.do == nil {
		next.begin <- struct{}{}
		next = nil
	}
	t.hand()
	return next
}
