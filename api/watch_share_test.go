package api_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// However many watch, a change is encoded once, and all read the same bytes.
func TestWatchersShareOneEncoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var encoded atomic.Int64
		n := simulate(t, setup{catalog: func(o *catalog.Options) {
			o.Encode = func(dst []byte, r *store.Record) []byte {
				encoded.Add(1)
				return api.EncodeInstance(dst, r)
			}
		}})
		streams := make([]*stream, 200)
		for i := range streams {
			query := ""
			switch i % 4 {
			case 1:
				query = "?service=orders"
			case 2:
				query = "?zone=a"
			case 3:
				query = fmt.Sprintf("?service=orders&service=s-%d", i)
			}
			streams[i] = n.watch("/registry/watch" + query)
			streams[i].snapshot()
		}
		for _, c := range []struct {
			name string
			do   func()
			want int64
		}{
			{"a new instance", func() { n.put("orders", "o-1", zone("a")) }, 1},
			{"an update", func() { n.update("orders", "o-1", func(in *store.Instance) { in.Weight = 1 }) }, 1},
			{"a rotation and a change", func() {
				n.rotateAt("orders", "o-1")
				n.update("orders", "o-1", func(in *store.Instance) { in.Weight = 2 })
			}, 1},
			{"an end", func() { n.drop("orders", "o-1", store.Reason{}) }, 0},
		} {
			before := encoded.Load()
			c.do()
			var first frame
			for i, s := range streams {
				f, err := s.frame()
				if err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					first = f
				}
				if f != first || f.event == "" {
					t.Fatalf("%s: watcher %d reads %+v, the first one %+v", c.name, i, f, first)
				}
			}
			if got := encoded.Load() - before; got != c.want {
				t.Errorf("%s was encoded %d times, want %d", c.name, got, c.want)
			}
		}
	})
}
