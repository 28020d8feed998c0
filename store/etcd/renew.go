package etcd

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// Renew starts the TTL of each lease anew. A record without a lease has nothing to renew
// and answers with a TTL of zero. The common case is one message each way on the stream
// that all renewals share; whatever looks odd is settled by a look at the record.
func (s *Store) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	c, err := s.enter(ctx, "renew", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.end()
	out := make([]store.Renewal, len(refs))
	if len(refs) == 0 {
		return out, nil
	}
	until := time.Now().Add(s.opts.CallTimeout)
	ep, _ := s.epochs.current()
	if ep == nil {
		c.allow(s.opts.CallTimeout)
		if ep, err = c.epoch(); err != nil {
			return nil, c.fail(err)
		}
	}
	good, odd := make([]renewable, 0, len(refs)), []int(nil)
	for i := range refs {
		if fits(refs[i].Lease, ep.id, refs[i].Key) && !s.ended.knows(refs[i].Lease) {
			good = append(good, renewable{i, refs[i].Lease})
		} else {
			odd = append(odd, i)
		}
	}
	underWay := s.renewer.submit(good)
	more, err := c.settle(refs, odd, out, until)
	if err != nil {
		return nil, c.fail(err)
	}
	second := s.renewer.submit(more)
	lost, err := c.collect(refs, underWay, good, out, nil, until)
	if err == nil {
		lost, err = c.collect(refs, second, more, out, lost, until)
	}
	if err != nil {
		return nil, c.fail(err)
	}
	if more, err = c.settle(refs, lost, out, until); err != nil {
		return nil, c.fail(err)
	}
	for _, r := range more { // etcd has no such lease, so the record is about to go
		out[r.at].Err = c.lost(refs[r.at].Key, store.ErrLeaseLost)
	}
	return out, nil
}

// renewable is a lease to renew and the place of its ref.
type renewable struct {
	at    int
	lease store.LeaseID
}

// collect waits for renewals that were submitted, and adds to lost those whose lease etcd
// does not know.
func (c *call) collect(refs []store.Ref, b *batch, of []renewable, out []store.Renewal, lost []int, until time.Time) ([]int, error) {
	err := c.wait(b, until)
	if err != nil && !c.s.renewer.onlyStuck(b) {
		return nil, err
	}
	for i, a := range b.asks {
		switch ttl, stuck, err := c.s.renewer.outcome(a); {
		case stuck:
			// Its time is over by etcd's clock; etcd has not come to revoke it yet.
			out[of[i].at].Err = c.lost(refs[of[i].at].Key, store.ErrLeaseLost)
		case err != nil:
			return nil, err
		case ttl <= 0:
			lost = append(lost, of[i].at)
		default:
			out[of[i].at].TTL = time.Duration(ttl) * time.Second
		}
	}
	return lost, nil
}

// settleAtOnce is how many records are read in one transaction, of two reads each. etcd
// takes 128 operations.
const settleAtOnce = 60

// settle looks at the records of refs. Those that are not under the lease of their ref
// get their outcome; the others are given back with the lease that they have.
func (c *call) settle(refs []store.Ref, places []int, out []store.Renewal, until time.Time) (live []renewable, err error) {
	if len(places) > 0 {
		c.allow(time.Until(until))
	}
	for len(places) > 0 {
		some := places[:min(len(places), settleAtOnce)]
		places = places[len(some):]
		ops := make([]clientv3.Op, 0, 2*len(some))
		for _, at := range some {
			ops = append(ops, c.s.getRecord(refs[at].Key), clientv3.OpGet(c.s.keys.grave(refs[at].Key),
				clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(1)))
		}
		a, err := c.read(ops...)
		if err != nil {
			return nil, err
		}
		for i, at := range some {
			p := c.s.present(a, 2*i)
			if kind := c.s.under(p, refs[at]); kind != nil {
				out[at].Err = c.lost(refs[at].Key, kind)
			} else if p.rec.Lease != 0 {
				live = append(live, renewable{at, p.rec.Lease})
			}
		}
	}
	return live, nil
}

// lost gives the outcome of one ref the form that errors have.
func (c *call) lost(key store.Key, kind error) error {
	return &store.Error{Op: c.op, Backend: backend, Key: key, Kind: kind}
}
