package catalog

import "sync"

// subscribers is the index of who follows what, so that a change wakes only those who
// follow its service.
type subscribers struct {
	mu      sync.Mutex
	all     map[*Subscription]struct{}
	service map[string]map[*Subscription]struct{}
	n       int
}

func (x *subscribers) init() {
	x.all = make(map[*Subscription]struct{})
	x.service = make(map[string]map[*Subscription]struct{})
}

func (x *subscribers) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.n
}

func (x *subscribers) add(s *Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.n++
	if s.services == nil {
		x.all[s] = struct{}{}
		return
	}
	for _, name := range s.services {
		set := x.service[name]
		if set == nil {
			set = make(map[*Subscription]struct{})
			x.service[name] = set
		}
		set[s] = struct{}{}
	}
}

func (x *subscribers) remove(s *Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := false
	if s.services == nil {
		_, found = x.all[s]
		delete(x.all, s)
	}
	for _, name := range s.services {
		set := x.service[name]
		if _, ok := set[s]; ok {
			found = true
			delete(set, s)
		}
		if len(set) == 0 {
			delete(x.service, name)
		}
	}
	if found {
		x.n--
	}
}

// deliver brings the visible changes of a batch to those who follow them, and gives how
// many of them have begun to lag. It needs Catalog.deliver.
func (x *subscribers) deliver(steps []step) uint64 {
	var touched []*Subscription
	stage := func(set map[*Subscription]struct{}, ch *Change) {
		for s := range set {
			if len(s.staged) == 0 {
				touched = append(touched, s)
			}
			if len(s.staged) <= s.most() { // one more than that shows that there was more
				s.staged = append(s.staged, ch)
			}
		}
	}
	x.mu.Lock()
	for i := range steps {
		if ch := steps[i].change; ch != nil {
			stage(x.all, ch)
			stage(x.service[ch.Service()], ch)
		}
	}
	x.mu.Unlock()
	var lagged uint64
	for _, s := range touched {
		if s.accept() {
			lagged++
		}
	}
	return lagged
}

// interrupt tells every subscriber of another epoch to resync.
func (x *subscribers) interrupt(epoch uint64) (n uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	mark := func(set map[*Subscription]struct{}) {
		for s := range set {
			s.mu.Lock()
			if s.from.Epoch != epoch && !s.lagged {
				s.queue, s.lagged = nil, true
				n++
				s.signal()
			}
			s.mu.Unlock()
		}
	}
	mark(x.all)
	for _, set := range x.service {
		mark(set)
	}
	return n
}
