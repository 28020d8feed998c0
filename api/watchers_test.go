package api_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/api"
)

// seats lets each identity have so many watches.
type seats struct {
	mu   sync.Mutex
	most int
	n    map[string]int
}

func (s *seats) Enter(identity string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[identity] >= s.most {
		return false
	}
	s.n[identity]++
	return true
}

func (s *seats) Leave(identity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n[identity]--
}

func (s *seats) taken(identity string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n[identity]
}

// TestWatcherQuota: streams and long polls that wait count until they end; one too many is
// told so, and other reads are free.
func TestWatcherQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quota := &seats{most: 2, n: make(map[string]int)}
		n := simulate(t, setup{api: func(o *api.Options) { o.Watchers = quota }})
		const service = "/registry/services/orders"
		has := ifNoneMatch(n.get(service).want(200).header.Get("Etag"))

		stream := n.watch("/registry/watch")
		stream.snapshot()
		poll := n.poll(service+"?wait=5s", has)
		for _, f := range []fault{
			{path: "/registry/watch"},
			{path: "/registry/watch?service=orders"},
			{path: service + "?wait=5s", opts: []option{has}},
		} {
			f.method, f.want = "GET", "429 rate_limited"
			res, _ := n.refused(f)
			if got := res.header.Get("Retry-After"); got != "5" {
				t.Errorf("%s: Retry-After %q", f.path, got)
			}
		}
		n.get(service, has).want(304) // waits for nothing, and so counts for nothing
		n.get(service).want(200)
		other := n.watch("/registry/watch", as("billing"))
		other.snapshot()

		(<-poll).want(304)
		if got := quota.taken("orders"); got != 1 {
			t.Errorf("after the long poll %d are open, want 1", got)
		}
		stream.leave()
		synctest.Wait()
		if got := quota.taken("orders"); got != 0 {
			t.Errorf("after the stream %d are open, want 0", got)
		}
		(<-n.poll(service+"?wait=1s", has)).want(304)
	})
}
