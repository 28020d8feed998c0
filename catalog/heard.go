package catalog

import (
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store"
)

// promise is what this node knows of one lease beside the record that is under it.
type promise struct {
	lease   store.LeaseID
	until   atomic.Int64 // the moment up to which a renewal of it was acknowledged
	refused atomic.Int64 // the moment at which one with a good token last failed for our sake
}

// known gives what is known of a lease, nil for nothing.
func (st *state) known(lease store.LeaseID) *promise {
	if p := st.promise.Load(); p != nil && p.lease == lease {
		return p
	}
	return nil
}

// of gives what is known of a lease, in the place of what was known of another.
func (st *state) of(lease store.LeaseID) *promise {
	for {
		p := st.promise.Load()
		if p != nil && p.lease == lease {
			return p
		}
		fresh := &promise{lease: lease}
		if st.promise.CompareAndSwap(p, fresh) {
			return fresh
		}
	}
}

// Renewed notes that the store acknowledged a renewal of the record's lease, or its
// grant, which was sent at that moment: until a TTL after it no expiry of it is believed.
func (h Handle) Renewed(sent Moment, ttl time.Duration) {
	if h.state != nil && ttl > 0 {
		later(&h.state.of(h.Packed.Lease()).until, sent.after(ttl))
	}
}

// Refused notes that a renewal with a good token failed at that moment because the store
// was out of reach.
func (h Handle) Refused(at Moment) {
	if h.state != nil && h.Packed.Lease() != 0 {
		later(&h.state.of(h.Packed.Lease()).refused, at)
	}
}

func later(at *atomic.Int64, m Moment) {
	for {
		old := at.Load()
		if int64(m) <= old || at.CompareAndSwap(old, int64(m)) {
			return
		}
	}
}
