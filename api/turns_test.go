package api

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// ring is seats whose turns last until they are let go on.
type ring struct {
	turns *turns
	mu    sync.Mutex
	order []int // of the turns that began
	most  int   // that were held at a time
	held  int
}

// sit adds a seat that writes down its turns, each of which lasts until go is closed.
func (r *ring) sit(i int, goOn <-chan struct{}) *seat {
	s := &seat{turns: r.turns}
	s.do = func() {
		r.mu.Lock()
		r.order = append(r.order, i)
		r.held++
		r.most = max(r.most, r.held)
		r.mu.Unlock()
		<-goOn
		r.mu.Lock()
		r.held--
		r.mu.Unlock()
	}
	s.done() // it rests
	return s
}

func (r *ring) turnsOf() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.order)
}

// Turns come in the order in which they were wanted, no more of them at a time than there are,
// however often they were wanted; who wants another during its own waits behind all others.
func TestTurnsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ring{turns: newTurns(2)}
		goOn := make(chan struct{})
		var seats []*seat
		for i := range 50 {
			seats = append(seats, r.sit(i, goOn))
		}
		for _, s := range seats {
			s.want()
			s.want()
		}
		synctest.Wait()
		seats[0].want() // it has the turn, and wants another
		close(goOn)
		r.turns.working.Wait()
		got := r.turnsOf()
		if r.most != 2 {
			t.Errorf("%d turns at a time", r.most)
		}
		count := make(map[int]int)
		for _, i := range got {
			count[i]++
		}
		// The first two wanted twice before they had begun, or not: one more turn each at most.
		for i := range seats {
			if n := count[i]; n < 1 || n > 2 || i > 1 && n != 1 {
				t.Errorf("%d had %d turns", i, n)
			}
		}
		if count[0] != 2 {
			t.Errorf("the first had %d turns", count[0])
		}
		if r.turns.free != 2 || r.turns.first != nil {
			t.Errorf("%d turns are free", r.turns.free)
		}
	})
}

// With one turn the order is exact.
func TestOneTurnIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ring{turns: newTurns(1)}
		goOn := make(chan struct{})
		want := []int{}
		seats := make([]*seat, 20)
		for i := range seats {
			seats[i] = r.sit(i, goOn)
		}
		for i := range seats {
			i = (i * 7) % len(seats)
			want = append(want, i)
			seats[i].want()
			synctest.Wait()
		}
		seats[0].want()
		close(goOn)
		r.turns.working.Wait()
		if got := r.turnsOf(); !slices.Equal(got, append(want, 0)) {
			t.Errorf("%v, want %v", got, append(want, 0))
		}
	})
}

// Who waits for its reader has no turn meanwhile, and what came then is not lost.
func TestYieldedTurnGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ring{turns: newTurns(1)}
		open, shut := make(chan struct{}), make(chan struct{})
		close(open)
		slow, quick := make([]*seat, 30), r.sit(99, open)
		for i := range slow {
			s := r.sit(i, shut)
			do := s.do
			s.do = func() { s.yield(); s.yield(); do() }
			slow[i] = s
			s.want()
		}
		quick.want()
		synctest.Wait()
		if got := r.turnsOf(); len(got) != 31 || got[30] != 99 {
			t.Fatalf("while all others wait for their readers: %v", got)
		}
		slow[3].want()
		synctest.Wait()
		close(shut)
		r.turns.working.Wait()
		if got := r.turnsOf(); len(got) != 32 || got[31] != 3 {
			t.Errorf("what came meanwhile is lost: %v", got)
		}
		if r.turns.free != 1 {
			t.Errorf("%d turns are free", r.turns.free)
		}
	})
}

// Who leaves while it waits, or with a turn that it has not begun, holds up nobody.
func TestLeaveWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ring{turns: newTurns(1)}
		shut := make(chan struct{})
		first := r.sit(0, shut)
		own := &seat{turns: r.turns, begin: make(chan struct{}, 1)} // of a goroutine of its own
		own.done()
		waits, last := r.sit(1, shut), r.sit(2, shut)
		first.want()
		synctest.Wait()
		waits.want()
		own.want()
		last.want()
		waits.leave()
		waits.leave()
		waits.want()
		close(shut)
		synctest.Wait()
		if got := r.turnsOf(); !slices.Equal(got, []int{0}) || len(own.begin) != 1 {
			t.Errorf("%v, %d", got, len(own.begin))
		}
		own.leave() // and never begins
		r.turns.working.Wait()
		if got := r.turnsOf(); !slices.Equal(got, []int{0, 2}) || r.turns.free != 1 {
			t.Errorf("%v, and %d turns are free", got, r.turns.free)
		}
		own.done()
		first.want()
		r.turns.working.Wait()
		if got := r.turnsOf(); len(got) != 3 || r.turns.free != 1 {
			t.Errorf("%v, and %d turns are free", got, r.turns.free)
		}
	})
}

// A goroutine of its own takes its turn, and gives it back to those that have none.
func TestTurnOfAnOwnGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ring{turns: newTurns(1)}
		open := make(chan struct{})
		close(open)
		own := &seat{turns: r.turns, begin: make(chan struct{}, 1)}
		own.want() // while it begins
		own.done()
		other := r.sit(1, open)
		other.want()
		synctest.Wait()
		if got := r.turnsOf(); len(got) != 0 {
			t.Fatalf("two have the one turn: %v", got)
		}
		<-own.begin
		own.want()
		own.done()
		<-own.begin // behind the other
		if got := r.turnsOf(); !slices.Equal(got, []int{1}) {
			t.Errorf("%v", got)
		}
		own.done()
		r.turns.working.Wait()
	})
}
