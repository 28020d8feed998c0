package etcd

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/roster-sd/roster/store"
)

// revoker takes back leases that nobody needs any more: of registrations that came to
// nothing, and those that could not be taken back while the call waited. One that it
// cannot take back in the end runs out by itself.
type revoker struct {
	s     *Store
	queue chan revocation
}

type revocation struct {
	id  store.LeaseID
	try int
}

const (
	// revokeQueue bounds what waits. Beyond it leases are left to run out.
	revokeQueue  = 4096
	revokeTries  = 4
	revokePause  = 250 * time.Millisecond // longer with each try
	revokeAtOnce = 8
)

func (r *revoker) init(s *Store) {
	r.s, r.queue = s, make(chan revocation, revokeQueue)
}

// later queues a lease; zero is none.
func (r *revoker) later(id store.LeaseID) { r.add(revocation{id: id}) }

func (r *revoker) add(rev revocation) {
	if rev.id == 0 {
		return
	}
	select {
	case r.queue <- rev:
	default:
		r.s.opts.Logger.Warn("etcd: too many leases wait to be revoked, leaving one to run out", "lease", rev.id.String())
	}
}

func (r *revoker) run() {
	slots := make(chan struct{}, revokeAtOnce)
	for {
		select {
		case <-r.s.ctx.Done():
			return
		case rev := <-r.queue:
			select {
			case slots <- struct{}{}:
			case <-r.s.ctx.Done():
				return
			}
			if !r.s.spawn(func() { r.attempt(rev); <-slots }) {
				return
			}
		}
	}
}

func (r *revoker) attempt(rev revocation) {
	ctx, cancel := context.WithTimeout(r.s.ctx, r.s.opts.CallTimeout)
	defer cancel()
	if err := r.s.revoke(ctx, rev.id); err == nil || ctx.Err() != nil && r.s.closed.Load() {
		return
	}
	if rev.try++; rev.try == revokeTries {
		return
	}
	if wait(r.s.ctx, time.Duration(rev.try)*revokePause) {
		r.add(rev)
	}
}

// revoke ends a lease, and with it what is attached to it. One that is gone is fine.
func (s *Store) revoke(ctx context.Context, id store.LeaseID) error {
	leases, err := s.link.leases(ctx)
	if err != nil {
		return err
	}
	resp, err := leases.LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: int64(id)}, callOptions...)
	if is(err, rpctypes.ErrLeaseNotFound) {
		return nil
	}
	if err == nil {
		s.contact.hear(resp.Header)
	}
	return err
}

// release ends the lease of a record that was removed or replaced, before the call is
// answered: from then on it renews nothing, on any node. If that fails, other nodes learn
// from the feed that the lease keeps nothing alive.
func (c *call) release(id store.LeaseID) {
	if id == 0 {
		return
	}
	c.s.ended.add(id)
	if err := c.s.revoke(c.ctx, id); err != nil {
		c.s.revoker.later(id)
	}
}
