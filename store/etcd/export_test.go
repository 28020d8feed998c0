package etcd

import (
	"time"

	"google.golang.org/grpc"

	"github.com/roster-sd/roster/store"
)

// WithDial adds options for the connections to etcd.
func (o Options) WithDial(opts ...grpc.DialOption) Options {
	o.dial = append(o.dial, opts...)
	return o
}

// NewLease makes an ID for a lease of a key.
func NewLease(epoch uint64, key store.Key) store.LeaseID { return newLease(epoch, key) }

// RecordKey is where the record of a key stands.
func (s *Store) RecordKey(key store.Key) string { return s.keys.record(key) }

// AgeStoneLease makes the lease of tombstones look as old as it may be, and gives its ID.
func (s *Store) AgeStoneLease() store.LeaseID {
	s.stones.mu.Lock()
	defer s.stones.mu.Unlock()
	s.stones.since = time.Now().Add(-stoneShift)
	return s.stones.id
}

// StoneLease is the ID of the lease of tombstones.
func (s *Store) StoneLease() store.LeaseID {
	s.stones.mu.Lock()
	defer s.stones.mu.Unlock()
	return s.stones.id
}
