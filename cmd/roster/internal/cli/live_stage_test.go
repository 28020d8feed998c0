package cli

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// stage is a source and a screen for a live table in a test.
type stage struct {
	out   chan news
	fail  chan error
	press chan key
	panic atomic.Bool

	mu            sync.Mutex
	beat          func([]stretch) ([]wire.Instance, client.Freshness, error)
	asked         [][]stretch
	looks         int
	entered, left int
	frames        [][]string
	draws         []time.Time
}

func (s *stage) address() string   { return "http://127.0.0.1:7000" }
func (s *stage) news() <-chan news { return s.out }
func (s *stage) look()             { s.locked(func() { s.looks++ }) }
func (s *stage) run(ctx context.Context) error {
	select {
	case err := <-s.fail:
		if s.panic.Load() {
			panic("a mistake")
		}
		return err
	case <-ctx.Done():
		return nil
	}
}

func (s *stage) beats(_ context.Context, list []stretch) ([]wire.Instance, client.Freshness, error) {
	var beat func([]stretch) ([]wire.Instance, client.Freshness, error)
	s.locked(func() {
		s.asked = append(s.asked, list)
		beat = s.beat
	})
	if beat == nil {
		return nil, client.Freshness{}, nil
	}
	return beat(list)
}

func (s *stage) enter() error              { s.locked(func() { s.entered++ }); return nil }
func (s *stage) leave() error              { s.locked(func() { s.left++ }); return nil }
func (s *stage) size() (width, height int) { return 80, 24 }
func (s *stage) forget()                   {}
func (s *stage) draw(lines []string) error {
	s.locked(func() { s.frames, s.draws = append(s.frames, lines), append(s.draws, time.Now()) })
	return nil
}

func (s *stage) readKeys(ctx context.Context, press func(key)) error {
	for {
		select {
		case k := <-s.press:
			press(k)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *stage) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// last gives the last picture, once the table has come to rest.
func (s *stage) last() (picture string) {
	synctest.Wait()
	s.locked(func() { picture = strings.Join(s.frames[len(s.frames)-1], "\n") })
	return picture
}

func (s *stage) counts() (frames, looks, entered int) {
	synctest.Wait()
	s.locked(func() { frames, looks, entered = len(s.frames), s.looks, s.entered })
	return frames, looks, entered
}

func (s *stage) answers(beat func([]stretch) ([]wire.Instance, client.Freshness, error)) {
	s.locked(func() { s.beat = beat })
}
