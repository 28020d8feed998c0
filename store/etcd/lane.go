package etcd

import (
	"context"
	"errors"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// lane is one LeaseKeepAlive stream. The renewer's mutex guards what is below it.
type lane struct {
	r      *renewer
	stream pb.Lease_LeaseKeepAliveClient // sent to by the renewer's goroutine only
	cancel context.CancelFunc

	order   []*ask    // sent and not answered, in order
	large   int       // of them, those of large calls
	last    time.Time // when it opened or answered
	asked   time.Time // when it was last asked why it does not
	probing bool
	aside   time.Time // when it was set aside
	leaving bool      // a better one is to be had
}

// asideMost is how long a stream that was set aside may wait. Whoever asked has long given
// up then.
const asideMost = 15 * time.Second

var errSilent = errors.New("the renewal stream gives no answers")

func (l *lane) send(lease int64) error {
	return l.stream.Send(&pb.LeaseKeepAliveRequest{ID: lease})
}

// receive takes answers until the stream ends.
func (l *lane) receive() {
	for {
		resp, err := l.stream.Recv()
		if err != nil {
			l.r.broke(l, err)
			l.r.poke()
			return
		}
		l.r.s.contact.hear(resp.Header)
		if l.answered(resp) {
			l.r.poke()
		}
	}
}

// answered takes an answer, and tells whether there is room for more.
func (l *lane) answered(resp *pb.LeaseKeepAliveResponse) (more bool) {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	l.last, r.pause = time.Now(), 0
	for i, a := range l.order {
		// It is the first, unless others before it were taken elsewhere meanwhile.
		if a.lease == resp.ID {
			if i == 0 {
				l.order = l.order[1:]
			} else {
				l.order = append(l.order[:i:i], l.order[i+1:]...)
			}
			if a.large {
				l.large--
			}
			r.finish(a, resp.TTL, nil)
			break
		}
	}
	l.leave()
	return len(r.queue) > 0 && len(l.order) <= window/2 || len(r.large) > 0 && l.large <= largeShare/2
}

// leave ends a stream that has answered everything, if it is not to be used again. It
// needs the mutex.
func (l *lane) leave() {
	_, aside := l.r.aside[l]
	if len(l.order) > 0 || !aside && !l.leaving {
		return
	}
	delete(l.r.aside, l)
	if l.r.lane == l {
		l.r.lane = nil
	}
	l.cancel()
}

// inspect looks for streams whose answers stopped. It gives when to look again; zero is
// when there is something to wait for.
func (r *renewer) inspect() time.Duration {
	now := time.Now()
	var dead []*lane
	var probe *lane
	r.mu.Lock()
	for l := range r.aside {
		if now.Sub(l.aside) > asideMost {
			dead = append(dead, l)
		}
	}
	l := r.lane
	waits := l != nil && len(l.order) > 0
	if waits {
		since := l.last
		if sent := l.order[0].sent; sent.After(since) {
			since = sent
		}
		switch silent := now.Sub(since); {
		case silent > r.s.opts.Silence:
			dead = append(dead, l)
		case silent > stallAfter && !l.probing && now.Sub(l.asked) > stallAfter:
			l.probing, l.asked = true, now
			probe = l
		}
	}
	r.mu.Unlock()
	for _, l := range dead {
		r.broke(l, errSilent)
		r.poke()
	}
	if probe != nil {
		r.s.spawn(func() { r.probe(probe) })
	}
	if waits {
		return stallAfter / 2
	}
	return 0
}

// probe asks whether a stream waits for a lease that is over. If so it is set aside with
// all leases that are, and the others go on without it.
func (r *renewer) probe(l *lane) {
	r.mu.Lock()
	waiting := make([]int64, len(l.order))
	for i, a := range l.order {
		waiting[i] = a.lease
	}
	r.mu.Unlock()
	over := make(map[int64]bool)
	if len(waiting) > 0 && r.isOver(waiting[0]) {
		over[waiting[0]] = true
		var mu sync.Mutex
		var asking sync.WaitGroup
		slots := make(chan struct{}, ttlAtOnce)
		for _, id := range waiting[1:] {
			slots <- struct{}{}
			asking.Go(func() {
				if r.isOver(id) {
					mu.Lock()
					over[id] = true
					mu.Unlock()
				}
				<-slots
			})
		}
		asking.Wait()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l.probing = false
	if len(over) == 0 || r.lane != l || len(l.order) == 0 || !over[l.order[0].lease] {
		return
	}
	r.lane, l.aside = nil, time.Now()
	r.aside[l] = struct{}{}
	r.reopen = time.Time{}
	r.requeue(l, func(a *ask) bool { return !over[a.lease] })
	for _, a := range l.order {
		a.stuck = true
	}
	r.poke()
}

// isOver tells whether a lease has run out and is not yet revoked. It is false where that
// is not known.
func (r *renewer) isOver(id int64) bool {
	ctx, cancel := context.WithTimeout(r.s.ctx, r.s.opts.CallTimeout/4)
	defer cancel()
	leases, err := r.s.link.leases(ctx)
	if err != nil {
		return false
	}
	resp, err := leases.LeaseTimeToLive(ctx, &pb.LeaseTimeToLiveRequest{ID: id}, callOptions...)
	return err == nil && resp.GrantedTTL > 0 && resp.TTL <= 0
}
