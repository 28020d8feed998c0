package procwatch

// describe takes a descriptor for a process, if there is one to be had. It needs the mutex.
func (w *Watcher) describe(p *watched) bool {
	if w.fds == nil {
		return false
	}
	if len(w.byToken) >= w.most {
		p.scarce = true
		return false
	}
	var ok bool
	p.fd, p.token, ok, p.scarce = w.fds.add(PID(p.id))
	if ok {
		w.byToken[p.token] = p
	}
	return ok
}

// undescribe gives the descriptor of a process back, if it has one. It needs the mutex.
func (w *Watcher) undescribe(p *watched) {
	if p.token == 0 {
		return
	}
	delete(w.byToken, p.token)
	w.fds.remove(p.fd)
	p.token = 0
}

// readable is told by the descriptors that one of them says that its process has ended.
func (w *Watcher) readable(token uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.byToken[token]
	if p == nil {
		return // released meanwhile
	}
	if stateOf(w.sys, p.id) == ended {
		w.drop(p.id)
		w.tell(p.id)
		return
	}
	// The two disagree, and a process that lives must not be taken for one that has ended.
	w.undescribe(p)
	w.pollToo(p)
}

// pollAll is told that the descriptors tell nothing any more: the watcher is closed, or the
// system has taken back what it gave.
func (w *Watcher) pollAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.byToken {
		w.undescribe(p)
		w.pollToo(p)
	}
	w.most = 0
}
