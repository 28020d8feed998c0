package procwatch

import "time"

// pollToo has a process polled. It needs the mutex.
func (w *Watcher) pollToo(p *watched) {
	w.polled[p] = struct{}{}
	select {
	case w.nudge <- struct{}{}:
	default: // it is already told
	}
}

// share is which part of its time the polling goroutine may spend on looking: where there
// are very many processes it looks less often, and the machine remains usable.
const share = 5

// poll looks at what has no descriptor. It sleeps while there is nothing of that kind.
func (w *Watcher) poll() {
	var round []*watched
	for {
		select {
		case <-w.stop:
			return
		case <-w.nudge:
		}
		for wait := Every; ; {
			timer := time.NewTimer(wait)
			select {
			case <-w.stop:
				timer.Stop()
				return
			case <-timer.C:
			}
			began := time.Now()
			if round = w.round(round[:0]); len(round) == 0 {
				break
			}
			for _, p := range round {
				if stateOf(w.sys, p.id) == ended {
					w.over(p)
				}
			}
			clear(round)
			wait = max(Every, (share-1)*time.Since(began))
		}
	}
}

// round appends the processes to look at now. One that is polled for want of a descriptor
// gets it first if there is one again.
func (w *Watcher) round(into []*watched) []*watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.polled {
		into = append(into, p)
	}
	for _, p := range into {
		if !p.scarce {
			continue
		}
		if len(w.byToken) >= w.most || !w.describe(p) {
			break // there is none for the others either
		}
		// It is looked at once more, since it may have ended before there was a descriptor.
		delete(w.polled, p)
	}
	return into
}

// over notes that a process was seen to have ended.
func (w *Watcher) over(p *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched[p.id] == p { // nobody was faster
		w.drop(p.id)
		w.tell(p.id)
	}
}
