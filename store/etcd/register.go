package etcd

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

var (
	errName = errors.New("a key needs a kind, a service and an ID")
	errTTL  = errors.New("a ttl cannot be less than 0")
)

// writeTries bounds how often a write is tried against others that change the same record.
// Its deadline most often comes first.
const writeTries = 1000

// Register puts a record under a new lease, replacing the one of its key.
func (s *Store) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	c, err := s.begin(ctx, "register", in.Key)
	if err != nil {
		return nil, err
	}
	defer c.end()
	rec, err := c.register(&in, grant)
	if err != nil {
		return nil, c.fail(err)
	}
	return rec, nil
}

func (c *call) register(in *store.Record, grant store.Grant) (*store.Record, error) {
	switch {
	case in.Key.Kind == "" || in.Key.Service == "" || in.Key.ID == "":
		return nil, &refusal{store.ErrInvalid, errName}
	case grant.TTL < 0:
		return nil, &refusal{store.ErrInvalid, errTTL}
	case seconds(grant.TTL) > maxSeconds:
		return nil, &refusal{store.ErrInvalid, errTooLong}
	case grant.If.Absent && grant.If.Lease != 0:
		return nil, store.ErrConflict
	}
	r := &registration{call: c, in: in, Grant: grant}
	ep, err := c.epoch()
	if err != nil {
		return nil, err
	}
	if _, highest := c.s.epochs.current(); r.resurrects() && grant.If.Generation > ep.base+uint64(max(0, highest)) {
		// Perhaps etcd is further than this node has heard; see makeRoom.
		a, err := c.read()
		if err != nil {
			return nil, err
		}
		ep = a.epoch
	}
	if err := r.prepare(ep); err != nil {
		return nil, err
	}
	for range writeTries {
		if err := r.allowed(); err != nil {
			c.s.revoker.later(r.lease)
			return nil, err
		}
		done, err := r.attempt()
		if isAway(err) && r.lease != 0 && c.ctx.Err() == nil {
			wait(c.ctx, awayPause)
			continue // it may have been done; then the lease will tell
		}
		if err != nil {
			// Nothing is known of its effect. Whatever it is, nobody holds the lease.
			c.s.revoker.later(r.lease)
			return nil, err
		}
		if done {
			return r.rec, nil
		}
	}
	c.s.revoker.later(r.lease)
	return nil, errRestless
}

// registration is a registration under way.
type registration struct {
	*call
	store.Grant
	in    *store.Record
	epoch *epoch
	was   present // what stands there as far as is known
	lease store.LeaseID
	ttl   time.Duration // granted
	again int           // how often a lease was lost before it could be used
	rec   *store.Record // the outcome
}

func (r *registration) resurrects() bool { return r.If.Absent && r.If.Generation != 0 }

// prepare grants the lease, and reads what stands there meanwhile. A registration that
// wants nothing there takes it for granted: its transaction will say otherwise.
func (r *registration) prepare(ep *epoch) error {
	r.epoch = ep
	var granting chan error
	if r.TTL > 0 {
		granting = make(chan error, 1)
		grant := func() {
			var err error
			r.lease, r.ttl, err = r.grant(ep.id, r.in.Key, r.TTL)
			granting <- err
		}
		if r.If.Absent {
			grant()
		} else {
			go grant() // waited for below
		}
	}
	var err error
	if !r.If.Absent {
		var a *answer
		if a, err = r.read(r.s.getRecord(r.in.Key), r.s.getGraves(r.in.Key)); err == nil {
			r.epoch, r.was = a.epoch, r.s.present(a, 0)
		}
	}
	if granting != nil {
		if failed := <-granting; failed != nil {
			return failed
		}
	}
	if err != nil {
		r.s.revoker.later(r.lease)
	}
	return err
}

// allowed tells whether the condition holds for what is known.
func (r *registration) allowed() error {
	cond, was := r.If, r.was
	switch {
	case cond.Absent && was.entry != nil,
		cond.Lease != 0 && (was.entry == nil || was.rec.Lease != cond.Lease),
		cond.Generation != 0 && !cond.Absent && (was.entry == nil || was.bad != nil || was.rec.Generation != cond.Generation):
		return store.ErrConflict
	case r.resurrects() && (len(was.dead) > 0 && was.dead[0] >= cond.Generation || r.s.graves.later(r.in.Key, cond.Generation)):
		return store.ErrLeaseLost
	}
	return nil
}

// attempt does the transaction for what is known. With done false something else stands
// there, and is known now.
func (r *registration) attempt() (done bool, err error) {
	rec := *r.in
	rec.Instance.Tags = slices.Clone(r.in.Instance.Tags) // what the caller keeps is the caller's
	rec.Instance.Metadata = slices.Clone(r.in.Instance.Metadata)
	now, why := clock(), r.s.signed(r.Why, store.Registered)
	rec.Lease, rec.TTL, rec.Generation = r.lease, r.ttl, 0
	if r.resurrects() {
		why.Code, rec.Generation = store.Resurrected, r.If.Generation
	} else {
		rec.RegisteredAt = now
	}
	base, then, err := r.makeRoom(rec.Generation)
	if err != nil {
		return false, err
	}
	value, err := encodeNew(&rec, base, why, now)
	if err != nil {
		return false, err
	}
	at := r.s.keys.record(rec.Key)
	then = append(then, clientv3.OpPut(at, value, clientv3.WithLease(clientv3.LeaseID(rec.Lease))))
	conds := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(at), "=", r.was.revision())}
	if r.resurrects() {
		// No tombstone of this generation or of a later one.
		conds = append(conds, clientv3.Compare(clientv3.CreateRevision(r.s.keys.stone(rec.Key, rec.Generation)), "=", 0).
			WithRange(clientv3.GetPrefixRangeEnd(r.s.keys.grave(rec.Key))))
	}
	buried, err := r.bury(r.was, store.Replaced, r.Why, now)
	if err != nil {
		return false, err
	}
	a, err := r.write(r.epoch, conds, append(then, buried...), []clientv3.Op{r.s.getRecord(rec.Key), r.s.getGraves(rec.Key)})
	switch {
	case is(err, rpctypes.ErrLeaseNotFound):
		return false, r.renewLeases(err)
	case err != nil:
		return false, err
	case !a.won:
		if p := r.s.present(a, 0); r.lease == 0 || p.entry == nil || p.rec.Lease != r.lease {
			r.epoch, r.was = a.epoch, p
			return false, nil
		} else if p.bad == nil {
			rec = *p.rec // an attempt without an answer had done it
		}
	default:
		rec.Revision = a.revision()
		rec.Changed = rec.Revision.Number
		if rec.Generation == 0 {
			rec.Generation = rec.Revision.Number + base
		}
	}
	r.rec = &rec
	if r.was.entry != nil {
		r.release(r.was.rec.Lease)
	}
	return true, nil
}

// makeRoom sees to it that every later generation is after those that stand here now: it
// gives the base to count from, and what must be written for it.
func (r *registration) makeRoom(kept uint64) (base uint64, then []clientv3.Op, err error) {
	_, highest := r.s.epochs.current()
	latest := kept
	if r.was.entry != nil {
		latest = max(latest, r.was.rec.Generation)
	}
	if len(r.was.dead) > 0 {
		latest = max(latest, r.was.dead[0])
	}
	if latest <= r.epoch.base+uint64(max(0, highest)) {
		return r.epoch.base, nil, nil
	}
	raw, base, err := r.epoch.raised(latest)
	if err != nil {
		return 0, nil, err
	}
	return base, []clientv3.Op{clientv3.OpPut(r.s.keys.meta, raw)}, nil
}

// renewLeases replaces the leases of a transaction that etcd does not know any more: it
// lost them, or the machine slept.
func (r *registration) renewLeases(cause error) error {
	if r.again++; r.again > 2 {
		return cause
	}
	r.s.stones.forget()
	if r.TTL == 0 {
		return nil
	}
	r.s.revoker.later(r.lease)
	var err error
	r.lease, r.ttl, err = r.grant(r.epoch.id, r.in.Key, r.TTL)
	return err
}
