package api_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/wire"
)

// However many write at once, and however often it had to start over, a watcher ends up with
// what the registry holds.
func TestWatcherEndsUpWithTheTruth(t *testing.T) {
	n := start(t, setup{catalog: func(o *catalog.Options) { o.Pending = 8 }})
	const writers, rounds, names = 6, 60, 20
	all, some := n.watch("/registry/watch"), n.watch("/registry/watch?service=orders&meta.even=true")
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			tokens := make(map[string]string)
			for range rounds {
				id := fmt.Sprintf("o-%d", rand.N(names))
				at, token := "/registry/services/orders/"+id, tokens[id]
				switch rand.N(5) {
				case 0, 1:
					reg := n.do("POST", "/registry/register", registration(`instanceId:"`+id+`"`))
					tokens[id] = decode[wire.Registered](reg).Token
				case 2:
					n.do("PATCH", at, fmt.Sprintf(`{"weight":%d,"metadata":{"even":"%t"}}`, 1+rand.N(100), rand.N(2) == 0), withToken(token), unchecked)
				case 3:
					n.do("DELETE", at, nil, withToken(token), unchecked)
				case 4:
					n.do("POST", "/registry/heartbeat", ref("orders", id), withToken(token), unchecked)
				}
				n.get("/registry/resolve/orders")
				n.get("/registry/services/orders?version=none")
			}
		})
	}
	wg.Wait()
	// The last of all changes, to know when everything has been read.
	n.do("POST", "/registry/register", registration(`instanceId:"the-last"`, `metadata:{"even":"true"}`)).want(201)
	for query, s := range map[string]*stream{"": all, "?meta.even=true": some} {
		want := make(map[string]string)
		for _, in := range decode[wire.Service](n.get(orders + query).want(200)).Instances {
			want[in.InstanceID] = in.Revision
		}
		if got := s.until("the-last"); !maps.Equal(got, want) {
			t.Errorf("%q: the watcher has %v, the registry %v", query, got, want)
		}
	}
}

// until follows a stream until the instance is put, and gives the revisions of those that
// live by then.
func (s *stream) until(id string) map[string]string {
	s.t.Helper()
	view := make(map[string]string)
	for view[id] == "" {
		f, err := s.frame()
		if err != nil {
			s.t.Fatal(err)
		}
		switch f.event {
		case wire.WatchSnapshot:
			var part wire.SnapshotPart
			if s.decode(f, &part); part.Part == 1 {
				clear(view)
			}
			for _, in := range part.Instances {
				view[in.InstanceID] = in.Revision
			}
		case wire.WatchPut:
			var in wire.Instance
			s.decode(f, &in)
			view[in.InstanceID] = in.Revision
		case wire.WatchDelete:
			var d wire.Deleted
			s.decode(f, &d)
			delete(view, d.InstanceID)
		}
	}
	return view
}
