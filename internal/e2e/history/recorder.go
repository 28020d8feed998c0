package history

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Recorder gathers a history while it happens. All methods may be used concurrently.
type Recorder struct {
	began time.Time

	mu          sync.Mutex
	ops         []Op
	watches     []*Seer
	disruptions []Disruption
	stalls      []Span
}

// NewRecorder begins a run.
func NewRecorder() *Recorder { return &Recorder{began: time.Now()} }

// Now is the present moment of the run.
func (r *Recorder) Now() Moment { return time.Since(r.began) }

// Add records a call.
func (r *Recorder) Add(o Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, o)
}

// Count tells how many calls were recorded.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// Disrupted records what a test broke, once it is known until when.
func (r *Recorder) Disrupted(d Disruption) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disruptions = append(r.disruptions, d)
}

// The times by which the recorder knows that it did not run.
const (
	pulse = 10 * time.Millisecond
	stall = 100 * time.Millisecond
)

// Run watches for times in which this process did not run, until the context ends.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	last := r.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := r.Now()
		if now-last > stall {
			r.mu.Lock()
			r.stalls = append(r.stalls, Span{last, now})
			r.mu.Unlock()
		}
		last = now
	}
}

// Seer records what one watcher is told.
type Seer struct {
	r     *Recorder
	mu    sync.Mutex
	watch Watch
	view  View
}

// Watch begins the record of a watcher.
func (r *Recorder) Watch(name string, pinned bool, services []string) *Seer {
	s := &Seer{r: r, watch: Watch{Name: name, Pinned: pinned, Services: services}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watches = append(r.watches, s)
	return s
}

// Saw records an event; its moment is set here.
func (s *Seer) Saw(e Sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.At = s.r.Now()
	s.watch.Sightings = append(s.watch.Sightings, e)
	s.view.Apply(&e)
}

// Difference compares what the watcher knows by now with what a store holds.
func (s *Seer) Difference(want map[string]Item) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Difference(&s.watch, s.view.Items, want)
}

// Items gives what the watcher knows by now.
func (s *Seer) Items() map[string]Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.view.Items)
}

// Watches gives the records of the watchers.
func (r *Recorder) Watches() []*Seer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Seer(nil), r.watches...)
}

// History gives what was recorded. It is complete once whoever records has stopped.
func (r *Recorder) History(bounds Bounds, final *Final) *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &History{Ops: r.ops, Disruptions: r.disruptions, Stalls: r.stalls, Final: final, Bounds: bounds, End: r.Now()}
	for _, s := range r.watches {
		s.mu.Lock()
		h.Watches = append(h.Watches, s.watch)
		s.mu.Unlock()
	}
	return h
}
