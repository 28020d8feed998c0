package etcd

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/roster-sd/roster/store"
)

// answer is what a transaction gave, in one epoch.
type answer struct {
	epoch  *epoch
	rev    int64 // of etcd, at which all of it held
	won    bool  // of a write: its condition held
	ranges [][]*mvccpb.KeyValue
}

func (a *answer) revision() store.Revision {
	return store.Revision{Epoch: a.epoch.id, Number: uint64(a.rev)}
}

// askTries bounds how often a question is asked again because the epoch changed under it.
const askTries = 10

var errRestless = errors.New("the epoch changes again and again")

// read does several reads at one revision, with a majority's word for it.
func (c *call) read(ops ...clientv3.Op) (*answer, error) {
	client, err := c.s.link.get(c.ctx)
	if err != nil {
		return nil, err
	}
	all := append([]clientv3.Op{clientv3.OpGet(c.s.keys.meta)}, ops...)
	for range askTries {
		sure := c.s.now()
		resp, err := again(c.ctx, func() (*clientv3.TxnResponse, error) { return client.Txn(c.ctx).Then(all...).Commit() })
		if err != nil {
			return nil, err
		}
		if a, err := c.take(resp, sure); a != nil || err != nil {
			return a, err
		}
	}
	return nil, errRestless
}

// again does what may be done more than once until it is done, or until the error is
// another than that a member is gone or has no leader.
func again[T any](ctx context.Context, do func() (T, error)) (T, error) {
	for {
		out, err := do()
		if err == nil || !isAway(err) || !wait(ctx, awayPause) {
			return out, err
		}
	}
}

// awayPause is how long to wait before another member is asked.
const awayPause = 20 * time.Millisecond

// wait lets time pass, and tells whether the context allowed all of it.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isAway tells whether it is a member that failed, so that another may do better.
func isAway(err error) bool {
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		return carrier.GRPCStatus().Code() == codes.Unavailable
	}
	var known rpctypes.EtcdError
	return errors.As(err, &known) && known.Code() == codes.Unavailable
}

// write does a transaction under conditions, the epoch's being among them. With won
// false, ranges are the answers to the ops of otherwise.
func (c *call) write(ep *epoch, conds []clientv3.Cmp, then, otherwise []clientv3.Op) (*answer, error) {
	client, err := c.s.link.get(c.ctx)
	if err != nil {
		return nil, err
	}
	sure := c.s.now()
	conds = append([]clientv3.Cmp{clientv3.Compare(clientv3.Value(c.s.keys.meta), "=", ep.raw)}, conds...)
	otherwise = append([]clientv3.Op{clientv3.OpGet(c.s.keys.meta)}, otherwise...)
	resp, err := client.Txn(c.ctx).If(conds...).Then(then...).Else(otherwise...).Commit()
	if err != nil {
		return nil, err
	}
	if !resp.Succeeded {
		a, err := c.take(resp, sure)
		if a == nil && err == nil {
			return c.read(otherwise[1:]...)
		}
		return a, err
	}
	// The transaction holds, whatever the header says of the past: at worst its epoch is
	// another one than the caller thought.
	now, err := parseMeta([]byte(ep.raw), resp.Header.ClusterId)
	if err != nil {
		return nil, err
	}
	if got, err := c.s.look(c.ctx, []byte(ep.raw), resp.Header, sure); err == nil && got != nil {
		now = got
	} else if cur, _ := c.s.epochs.current(); cur != nil {
		now = cur
	}
	return &answer{epoch: now, rev: resp.Header.Revision, won: true}, nil
}

// take reads an answer that begins with meta; nil means that it must be asked for again.
func (c *call) take(resp *clientv3.TxnResponse, sure seen) (*answer, error) {
	var meta []byte
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		meta = kvs[0].Value
	}
	ep, err := c.s.look(c.ctx, meta, resp.Header, sure)
	if ep == nil || err != nil {
		return nil, err
	}
	a := &answer{epoch: ep, rev: resp.Header.Revision}
	for _, r := range resp.Responses[1:] {
		a.ranges = append(a.ranges, r.GetResponseRange().Kvs)
	}
	return a, nil
}

// epoch gives the present epoch, from memory if it is known.
func (c *call) epoch() (*epoch, error) {
	if ep, _ := c.s.epochs.current(); ep != nil {
		return ep, nil
	}
	a, err := c.read()
	if err != nil {
		return nil, err
	}
	return a.epoch, nil
}

// getRecord and getGraves ask for the record of a key, and for the keys of its tombstones,
// newest first.
func (s *Store) getRecord(key store.Key) clientv3.Op { return clientv3.OpGet(s.keys.record(key)) }

func (s *Store) getGraves(key store.Key) clientv3.Op {
	return clientv3.OpGet(s.keys.grave(key), clientv3.WithPrefix(), clientv3.WithKeysOnly(),
		clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend))
}

// present is what stands under a key: its record, nil if there is none, and the
// generations that have tombstones, newest first.
type present struct {
	*entry
	dead []uint64
}

// present reads the answers to getRecord and getGraves.
func (s *Store) present(a *answer, at int) present {
	var p present
	if kvs := a.ranges[at]; len(kvs) > 0 {
		p.entry, _ = s.decode(kvs[0], a.epoch.id)
	}
	for _, kv := range a.ranges[at+1] {
		if _, generation, ok := s.keys.stoneKey(kv.Key); ok {
			p.dead = append(p.dead, generation)
		}
	}
	return p
}

// under tells whether the record is one that ref names; if not, the error says whether
// anything is known of the key.
func (s *Store) under(p present, ref store.Ref) error {
	switch {
	case p.entry == nil && len(p.dead) == 0 && !s.graves.knows(ref.Key):
		return store.ErrNotFound
	case p.entry == nil || ref.Lease != 0 && ref.Lease != p.rec.Lease:
		return store.ErrLeaseLost
	}
	return nil
}
