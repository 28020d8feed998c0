package registry

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// TestQuota: beyond its quota an identity registers nothing new, whatever it had may be
// registered again, others are free, and what leaves makes room.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Int64
		n := one(t, setup{quota: Quota{Instances: 2, Refused: func() { refused.Add(1) }}})
		try := func(what string, c Caller, service, id, want string) Registered {
			t.Helper()
			out, err := n.Register(t.Context(), c, registration(service, id))
			wantErr(t, what, err, want)
			return out
		}
		try("the first", orders, "orders", "o1", "ok")
		try("the second", orders, "billing", "o2", "ok")
		_, err := n.Register(t.Context(), orders, registration("orders", "o3"))
		wantErr(t, "the third", err, "rate_limited")
		if e := err.(*Error); e.RetryAfter != quotaRetry || !strings.Contains(e.Detail, "limits.instances") {
			t.Errorf("refused with %#v", e)
		}
		try("one with an ID that is made", orders, "orders", "", "rate_limited")
		try("another's", billing, "orders", "b1", "ok")
		try("one of its own again", orders, "orders", "o1", "ok")
		if refused.Load() != 2 {
			t.Errorf("%d refusals were told, want 2", refused.Load())
		}
		first := try("and again", orders, "orders", "o1", "ok")
		if _, err := n.Deregister(t.Context(), orders, "orders", "o1", first.Token, Removal{}); err != nil {
			t.Fatal(err)
		}
		try("after one has left", orders, "orders", "o3", "ok")
		pass(2 * time.Minute) // all run out
		try("after all have expired", orders, "orders", "o4", "ok")
		if len(n.places.taken) != 0 {
			t.Errorf("places are held of %d identities after all calls have ended", len(n.places.taken))
		}
	})
}

// TestQuotaAtOnce: however many are registered at once, no more than the quota come in, and
// none of those that fit are refused.
func TestQuotaAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{quota: Quota{Instances: 40}})
		var in, out atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			c := orders
			if i%5 == 0 {
				c = billing // twenty, which fit
			}
			wg.Go(func() {
				_, err := n.Register(t.Context(), c, registration("orders", "i"+strconv.Itoa(i)))
				switch {
				case err == nil:
					in.Add(1)
				case CodeOf(err) == RateLimited && c == orders:
					out.Add(1)
				default:
					t.Errorf("%s: %v", c.Identity, err)
				}
			})
		}
		wg.Wait()
		if in.Load() != 60 || out.Load() != 40 {
			t.Errorf("%d came in and %d were refused, want 60 and 40", in.Load(), out.Load())
		}
	})
}

// TestQuotaOfNodes: every node counts what any of them registered, once the feed has brought it.
func TestQuotaOfNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := one(t, setup{quota: Quota{Instances: 2}})
		b := a.sibling()
		a.register(orders, "o1")
		b.register(orders, "o2")
		synctest.Wait()
		for _, n := range []*node{a, b} {
			_, err := n.Register(t.Context(), orders, registration("orders", "o3"))
			wantErr(t, "the third", err, "rate_limited")
			if got := n.Catalog().Owned(orders.Identity, []store.Key{store.InstanceKey("orders", "o1")}); got != 2 {
				t.Errorf("%d are counted, want 2", got)
			}
		}
	})
}
