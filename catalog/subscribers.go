package catalog

import (
	"maps"
	"slices"
	"sync"
)

// subscribers is the index of who follows what, so that a change wakes only those who
// follow its service.
type subscribers struct {
	mu      sync.Mutex
	all     followers
	service map[string]*followers
	n       int
}

// followers is a set of subscriptions. list is what it holds, nil if that is to be made
// anew; it is never written to, so that a delivery can walk over it without the mutex.
type followers struct {
	set  map[*Subscription]struct{}
	list []*Subscription
}

func (f *followers) add(s *Subscription) {
	if f.set == nil {
		f.set = make(map[*Subscription]struct{})
	}
	f.set[s], f.list = struct{}{}, nil
}

func (f *followers) remove(s *Subscription) bool {
	_, found := f.set[s]
	delete(f.set, s)
	f.list = nil
	return found
}

func (f *followers) members() []*Subscription {
	if f == nil {
		return nil
	}
	if f.list == nil && len(f.set) > 0 {
		f.list = slices.Collect(maps.Keys(f.set))
	}
	return f.list
}

func (x *subscribers) init() { x.service = make(map[string]*followers) }

func (x *subscribers) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.n
}

func (x *subscribers) add(s *Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !s.inside {
		x.n++
	}
	if s.services == nil {
		x.all.add(s)
		return
	}
	for _, name := range s.services {
		f := x.service[name]
		if f == nil {
			f = new(followers)
			x.service[name] = f
		}
		f.add(s)
	}
}

func (x *subscribers) remove(s *Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := s.services == nil && x.all.remove(s)
	for _, name := range s.services {
		if f := x.service[name]; f != nil {
			found = f.remove(s) || found
			if len(f.set) == 0 {
				delete(x.service, name)
			}
		}
	}
	if found && !s.inside {
		x.n--
	}
}

// deliver brings the visible changes of a batch to those who follow them, and gives how
// many of them have begun to lag. It needs Catalog.deliver. Whoever comes or goes
// meanwhile does not wait for it.
func (x *subscribers) deliver(steps []step) uint64 {
	x.mu.Lock()
	all := x.all.members()
	followed := make(map[string][]*Subscription)
	if len(x.service) > 0 {
		for i := range steps {
			if ch := steps[i].change; ch != nil {
				name := ch.Service()
				if _, ok := followed[name]; !ok {
					followed[name] = x.service[name].members()
				}
			}
		}
	}
	x.mu.Unlock()
	var touched []*Subscription
	stage := func(list []*Subscription, ch *Change) {
		for _, s := range list {
			if len(s.staged) == 0 {
				touched = append(touched, s)
			}
			if len(s.staged) <= s.most() { // one more than that shows that there was more
				s.staged = append(s.staged, ch)
			}
		}
	}
	for i := range steps {
		if ch := steps[i].change; ch != nil {
			stage(all, ch)
			stage(followed[ch.Service()], ch)
		}
	}
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
	mark := func(list []*Subscription) {
		for _, s := range list {
			s.mu.Lock()
			if s.from.Epoch != epoch && !s.lagged {
				s.queue, s.lagged = nil, true
				s.given++
				n++
				s.signal()
			}
			s.mu.Unlock()
		}
	}
	mark(x.all.members())
	for _, f := range x.service {
		mark(f.members())
	}
	return n
}
