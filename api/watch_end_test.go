package api_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/registry"
)

func (n *node) watchers() int { return n.catalog.Stats().Subscribers }

// A stream in which nothing happens still says every 15 seconds that it lives.
func TestWatchKeepsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		s := n.watch("/registry/watch")
		s.snapshot()
		last := time.Now()
		for i := range 20 {
			if i == 5 { // between two ticks
				time.Sleep(3 * time.Second)
				n.put("orders", "o-1", nil)
				s.put()
				last = time.Now()
			}
			s.comment("keep-alive")
			if gap := time.Since(last); gap > 15*time.Second || gap < 5*time.Second {
				t.Errorf("comment %d came after %v", i, gap)
			}
			last = time.Now()
		}
	})
}

// A reader that takes nothing for half a minute is let go, and holds up nobody.
func TestWatchLetsGoOfADeadReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		s := n.watch("/registry/watch")
		s.snapshot()
		began := time.Now()
		for range 3000 {
			n.put("orders", "o-1", nil)
		}
		synctest.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("the writers waited %v", took)
		}
		time.Sleep(29 * time.Second)
		if n.watchers() != 1 {
			t.Error("let go too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n.watchers() != 0 {
			t.Error("not let go")
		}
	})
}

// Drain tells every reader and ends every stream; one that begins later ends at once.
func TestDrainEndsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		n.put("orders", "o-1", nil)
		synctest.Wait()
		var streams []*stream
		for _, query := range []string{"", "?service=orders", "?service=never&zone=x"} {
			s := n.watch("/registry/watch" + query)
			s.snapshot()
			streams = append(streams, s)
		}
		n.api.Drain()
		for _, s := range streams {
			s.comment("stopping")
			s.end()
		}
		s := n.watch("/registry/watch")
		s.snapshot()
		s.comment("stopping")
		s.end()
		n.get(orders).want(200)
		if n.watchers() != 0 {
			t.Errorf("%d watch after the drain", n.watchers())
		}
	})
}

// A reader that goes away leaves nothing behind.
func TestWatchEndsWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		s := n.watch("/registry/watch")
		s.snapshot()
		if n.watchers() != 1 {
			t.Fatalf("%d watch", n.watchers())
		}
		s.leave()
		synctest.Wait()
		if n.watchers() != 0 {
			t.Errorf("%d watch after the reader left", n.watchers())
		}
	})
}

// A caller whose certificate stops being good is shown no more, within seconds. The
// connection is not cut, and serves what comes next on it.
func TestWatchEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		n := simulate(t, setup{api: func(o *api.Options) {
			identify := o.Identify
			o.Identify = func(r *http.Request) (registry.Caller, error) {
				if revoked.Load() {
					return registry.Caller{}, errors.New("revoked")
				}
				return identify(r)
			}
		}})
		s := n.watch("/registry/watch")
		s.snapshot()
		revoked.Store(true)
		began := time.Now()
		s.end()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the stream went on for %v", took)
		}
		n.get(orders).problem(401, "unauthenticated")
		revoked.Store(false)
		// The time that a write of the stream had is over; the connection knows nothing of it.
		time.Sleep(time.Minute)
		n.get(orders).want(200)
	})
}
