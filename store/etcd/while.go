package etcd

import (
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// getWhile asks for the record that a ref makes a condition of; it comes after getRecord and
// getGraves.
func (s *Store) getWhile(ref store.Ref) []clientv3.Op {
	if ref.While == nil {
		return nil
	}
	return []clientv3.Op{s.getRecord(ref.While.Key)}
}

// during reads the answer to getWhile, and tells whether the condition holds.
func (s *Store) during(a *answer, ref store.Ref) error {
	if ref.While == nil {
		return nil
	}
	kvs := a.ranges[2]
	if ref.While.Lease == 0 || len(kvs) == 0 || store.LeaseID(kvs[0].Lease) != ref.While.Lease {
		return store.ErrConflict
	}
	return nil
}

// ifWhile is the condition in a transaction. To compare a key that is missing is to compare
// with no lease.
func (s *Store) ifWhile(ref store.Ref) []clientv3.Cmp {
	if ref.While == nil {
		return nil
	}
	return []clientv3.Cmp{clientv3.Compare(clientv3.LeaseValue(s.keys.record(ref.While.Key)), "=", int64(ref.While.Lease))}
}
