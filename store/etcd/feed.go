package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// feed follows one epoch and keeps its newest events. It begins with the first watcher,
// and ends with the epoch or the store.
type feed struct {
	s       *Store
	epoch   uint64
	cluster uint64
	ctx     context.Context // ended by finish, and by the store's end
	stop    context.CancelFunc
	past    chan bool // holds whether the past was read; taken while somebody reads it

	last *mvccpb.Event // the newest event seen; of the feed's goroutine only
	time store.Millis  // the latest that an event showed; of the feed's goroutine only

	stream watchStream // what runs now

	mu       sync.Mutex // guards everything below
	log      log
	position uint64        // number of the revision up to which the log is whole
	over     error         // ErrCompacted when the feed has ended
	down     error         // why etcd is out of reach, or why the feed ended; nil while all is well
	news     chan struct{} // closed at the next change; nil while nobody waits
}

// start gives the feed of an epoch, and makes one that begins after a position if none
// runs. It is nil for a closed store.
func (s *Store) start(ep *epoch, after uint64) *feed {
	s.feedMu.Lock()
	defer s.feedMu.Unlock()
	if s.feed != nil && s.feed.epoch == ep.id && !s.feed.isOver() {
		return s.feed
	}
	f := &feed{s: s, epoch: ep.id, cluster: ep.cluster, position: after, past: make(chan bool, 1)}
	f.past <- false
	f.log = log{limit: s.opts.HistoryEvents, floor: after}
	f.ctx, f.stop = context.WithCancel(s.ctx)
	if !s.spawn(f.run) {
		f.stop()
		return nil
	}
	s.spawn(f.pulse)
	s.feed = f
	return f
}

// running gives the feed if there is one.
func (s *Store) running() *feed {
	s.feedMu.Lock()
	defer s.feedMu.Unlock()
	return s.feed
}

// run follows etcd's watch, again and again, until the feed is over.
func (f *feed) run() {
	const first, most = 20 * time.Millisecond, 300 * time.Millisecond
	pause := first
	for {
		began := time.Now()
		err := f.follow()
		switch {
		case f.ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrCompacted):
			f.finish(err)
			return
		}
		f.s.opts.Logger.Debug("etcd: the watch broke", "error", err)
		if time.Since(began) > time.Second {
			pause = first
		}
		if !wait(f.ctx, pause) {
			return
		}
		pause = min(2*pause, most)
	}
}

// follow runs one watch from where the log ends. It begins with the newest event that was
// seen, which must come again as it was: otherwise the past was rewritten.
func (f *feed) follow() error {
	if err := f.look(); err != nil {
		return err
	}
	from, verify := int64(f.at())+1, f.last
	if verify != nil {
		from = verify.Kv.ModRevision
	}
	if err := f.stream.open(f.ctx, f.s, f.cluster, from); err != nil {
		return err
	}
	defer f.stream.close()
	for {
		events, progress, err := f.stream.next()
		if err != nil {
			return err
		}
		if verify != nil && len(events) > 0 {
			n := sameRevision(events)
			if !comesAgain(verify, events[:n]) {
				return f.rewritten()
			}
			events, verify = events[n:], nil
		}
		if err := f.take(events, progress); err != nil {
			return err
		}
	}
}

// look asks whether the epoch still is the feed's.
func (f *feed) look() error {
	ctx, cancel := context.WithTimeout(f.ctx, f.s.opts.CallTimeout/2)
	defer cancel()
	c := &call{s: f.s, op: "watch", ctx: ctx, caller: ctx}
	a, err := c.read()
	if err != nil {
		return err
	}
	if a.epoch.id != f.epoch {
		return errEpoch
	}
	return nil
}

// rewritten begins a new epoch, for etcd has another past than the one that was seen.
func (f *feed) rewritten() error {
	sure := f.s.now()
	if sure.epoch == nil || sure.epoch.id != f.epoch {
		return errEpoch // it is already known
	}
	ctx, cancel := context.WithTimeout(f.s.ctx, f.s.opts.CallTimeout) // a new epoch ends this feed
	defer cancel()
	if err := f.s.writeMeta(ctx, clientv3.Compare(clientv3.Value(f.s.keys.meta), "=", sure.epoch.raw), sure); err != nil {
		return fmt.Errorf("after the past was found to be rewritten: %w", err)
	}
	return errEpoch
}

// sameRevision counts the events of the first revision.
func sameRevision(events []*mvccpb.Event) int {
	n := 1
	for n < len(events) && events[n].Kv.ModRevision == events[0].Kv.ModRevision {
		n++
	}
	return n
}

// comesAgain tells whether the event is among those of a revision.
func comesAgain(want *mvccpb.Event, events []*mvccpb.Event) bool {
	for _, ev := range events {
		if ev.Kv.ModRevision == want.Kv.ModRevision && ev.Type == want.Type && string(ev.Kv.Key) == string(want.Kv.Key) &&
			string(ev.Kv.Value) == string(want.Kv.Value) && ev.Kv.Lease == want.Kv.Lease {
			return true
		}
	}
	return false
}

// take puts events, whole revisions in order, into the log. progress is a revision up to
// which there are no others; zero is none.
func (f *feed) take(events []*mvccpb.Event, progress int64) error {
	for len(events) > 0 {
		n := sameRevision(events)
		revision := events[:n]
		events = events[n:]
		told, err := f.translate(revision, &f.time, clock())
		if err != nil {
			return err
		}
		f.last = revision[n-1]
		progress = max(progress, f.last.Kv.ModRevision)
		f.mu.Lock()
		for _, ev := range told {
			f.log.append(ev)
		}
		f.position = max(f.position, uint64(f.last.Kv.ModRevision))
		f.tell()
		f.mu.Unlock()
	}
	f.mu.Lock()
	if p := uint64(max(0, progress)); p > f.position {
		f.position = p
		f.tell()
	}
	f.mu.Unlock()
	if ep, _ := f.s.epochs.current(); ep != nil && ep.id == f.epoch && progress > 0 {
		f.s.epochs.saw(ep, progress)
	}
	return nil
}

// finish ends the feed and its watchers, who must list again.
func (f *feed) finish(why error) {
	f.stop()
	var bad *refusal
	if errors.As(why, &bad) {
		why = bad.cause
	}
	f.mu.Lock()
	if f.over == nil {
		f.over, f.down = store.ErrCompacted, why
	}
	f.tell()
	f.mu.Unlock()
}

func (f *feed) isOver() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over != nil
}

// at gives the number of the revision up to which the log is whole.
func (f *feed) at() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.position
}

// reaches gives the number of the latest revision that the log has not wholly.
func (f *feed) reaches() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.floor
}

// wait gives the channel that the next change closes. It needs the mutex, since before
// the caller looked for events, so that no change falls in between.
func (f *feed) wait() <-chan struct{} {
	if f.news == nil {
		f.news = make(chan struct{})
	}
	return f.news
}

// announce wakes everyone who waits.
func (f *feed) announce() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell()
}

// tell is announce for whoever has the mutex.
func (f *feed) tell() {
	if f.news != nil {
		close(f.news)
		f.news = nil
	}
}
