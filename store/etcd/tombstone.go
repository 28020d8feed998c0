package etcd

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

const (
	// A lease takes in tombstones for stoneShift, and lives long enough for the last of
	// them to be remembered for store.TombstoneAge, and a margin.
	stoneShift  = time.Minute
	stoneMargin = 30 * time.Second
)

// stoneLease is the lease of the tombstones that this node writes at present.
type stoneLease struct {
	mu    sync.Mutex
	id    store.LeaseID
	since time.Time
}

// get gives the lease for a tombstone, and grants a new one if it is time.
func (l *stoneLease) get(ctx context.Context, s *Store, epoch uint64) (store.LeaseID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id != 0 && time.Since(l.since) < stoneShift {
		return l.id, nil
	}
	id, at := newLease(epoch, store.Key{Kind: "tombstones", Service: s.opts.Node}), time.Now()
	if _, err := s.grant(ctx, id, seconds(store.TombstoneAge+stoneShift+stoneMargin)); err != nil {
		return 0, fmt.Errorf("a lease for tombstones: %w", err)
	}
	l.id, l.since = id, at
	return id, nil
}

// forget makes the next tombstone have a lease of its own.
func (l *stoneLease) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id = 0
}

// bury gives what to write for a record that leaves, nothing if there is none: its
// tombstone, and the end of those of the key that are too many with it.
func (c *call) bury(was present, code store.Code, why store.Reason, now store.Millis) ([]clientv3.Op, error) {
	if was.entry == nil || was.bad != nil {
		return nil, nil
	}
	lease, err := c.s.stones.get(c.ctx, c.s, was.rec.Revision.Epoch)
	if err != nil {
		return nil, err
	}
	value, err := encodeStone(was.rec, c.s.signed(why, code), now)
	if err != nil {
		return nil, err
	}
	at := c.s.keys.stone(was.rec.Key, was.rec.Generation)
	ops := []clientv3.Op{clientv3.OpPut(at, value, clientv3.WithLease(clientv3.LeaseID(lease)))}
	for i := store.TombstonesPerKey - 1; i < len(was.dead); i++ {
		if was.dead[i] != was.rec.Generation { // a transaction touches a key once
			ops = append(ops, clientv3.OpDelete(c.s.keys.stone(was.rec.Key, was.dead[i])))
		}
	}
	return ops, nil
}

// Tombstones gives the earlier lives of the key, newest first: those that somebody ended
// from etcd, those that ran out from what the feed showed.
func (s *Store) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	c, err := s.begin(ctx, "tombstones", key)
	if err != nil {
		return nil, err
	}
	defer c.end()
	a, err := c.read(clientv3.OpGet(s.keys.grave(key), clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend), clientv3.WithLimit(store.TombstonesPerKey)))
	if err != nil {
		return nil, c.fail(err)
	}
	if f := s.running(); f != nil && f.epoch == a.epoch.id {
		if err := f.loadPast(c.ctx); err != nil {
			return nil, c.fail(err)
		}
	}
	stones := s.graves.of(key)
	for _, kv := range a.ranges[0] {
		if stone, ok := s.decodeStone(kv, a.epoch.id); ok {
			stones = append(stones, stone)
		}
	}
	slices.SortFunc(stones, func(a, b store.Tombstone) int {
		if a.Revision.Number > b.Revision.Number {
			return -1
		}
		return 1
	})
	stones = slices.CompactFunc(stones, func(a, b store.Tombstone) bool { return a.Revision == b.Revision })
	return stones[:min(len(stones), store.TombstonesPerKey)], nil
}
