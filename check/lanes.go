package check

// lanes decides who gets a worker. Targets whose last check took long, such as those that
// hang, never have more than half of the workers, so that they do not make the others late.
type lanes struct {
	workers     int
	busy, slow  int // workers that are busy, and those of them in the slow lane
	quick, late queue
	turn        bool // the last worker that was given back went to the quick lane
}

// slowMost is how many workers the slow lane may have, and slowLeast how many it is given
// while others wait too.
func (l *lanes) slowMost() int  { return max(l.workers/2, 1) }
func (l *lanes) slowLeast() int { return max(l.workers/8, 1) }

// enter gives an entry a worker, or lets it wait for one.
func (l *lanes) enter(e *entry) bool {
	if l.busy == l.workers || e.slow && l.slow >= l.slowMost() {
		if e.slow {
			l.late.push(e)
		} else {
			l.quick.push(e)
		}
		return false
	}
	l.take(e.slow)
	return true
}

func (l *lanes) take(slow bool) {
	l.busy++
	if slow {
		l.slow++
	}
}

// leave gives a worker back, and the entry that has waited for it; nil: none.
func (l *lanes) leave(slow bool) *entry {
	l.busy--
	if slow {
		l.slow--
	}
	var e *entry
	if l.turn && l.slow < l.slowLeast() {
		e = l.late.pop()
	}
	l.turn = false
	if e == nil {
		e = l.quick.pop()
		l.turn = e != nil
	}
	if e == nil && l.slow < l.slowMost() {
		e = l.late.pop()
	}
	if e != nil {
		l.take(e.slow)
	}
	return e
}

// queue is a line of entries.
type queue struct {
	entries []*entry
	head    int
}

func (q *queue) push(e *entry) {
	if q.head > 0 && len(q.entries) == cap(q.entries) {
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.head = q.entries[:n], 0
	}
	q.entries = append(q.entries, e)
}

// pop gives the first entry that is still wanted; nil: none.
func (q *queue) pop() *entry {
	for q.head < len(q.entries) {
		e := q.entries[q.head]
		q.entries[q.head] = nil
		q.head++
		if !e.gone {
			return e
		}
	}
	q.entries, q.head = q.entries[:0], 0
	return nil
}
