package etcd

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// A lease ID is 32 bits of a hash of epoch and key, and 31 random ones; etcd's IDs have
// 63. The hash says at once that a lease is another key's, or of a past that was lost.
const randomBits = 31

// newLease makes an ID for a lease of the key.
func newLease(epoch uint64, key store.Key) store.LeaseID {
	return store.LeaseID(fingerprint(epoch, key)<<randomBits | uint64(rand.Uint32()>>1) | 1)
}

// fits tells whether a lease may be the key's. It is false for most that are not, and
// true for all that newLease made for the key in this epoch.
func fits(id store.LeaseID, epoch uint64, key store.Key) bool {
	return uint64(id)>>randomBits == fingerprint(epoch, key)
}

func fingerprint(epoch uint64, key store.Key) uint64 {
	h := (hash(key.Kind, key.Service, key.ID) ^ epoch) * 0x9e3779b97f4a7c15
	return h >> 32
}

// hash is FNV-1a with a byte that no UTF-8 text has between the parts, stirred at the end.
func hash(parts ...string) uint64 {
	h := uint64(14695981039346656037)
	for _, part := range parts {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

var errTooLong = errors.New("etcd grants no ttl as long as this")

// maxSeconds is the longest TTL that etcd grants.
const maxSeconds = clientv3.MaxLeaseTTL

// seconds rounds up.
func seconds(ttl time.Duration) int64 {
	n := int64(ttl / time.Second)
	if ttl%time.Second > 0 {
		n++
	}
	return n
}

// grant starts a lease of the key and tells the TTL that etcd granted.
func (c *call) grant(epoch uint64, key store.Key, ttl time.Duration) (id store.LeaseID, _ time.Duration, _ error) {
	granted, err := again(c.ctx, func() (got time.Duration, err error) {
		for {
			id = newLease(epoch, key)
			got, err = c.s.grant(c.ctx, id, seconds(ttl))
			if is(err, rpctypes.ErrLeaseExist) {
				continue // the same 31 random bits twice
			}
			if err != nil {
				c.s.revoker.later(id) // it may have been granted all the same
			}
			return got, err
		}
	})
	return id, granted, err
}

// grant asks for a lease by its ID, which the client's own Grant has no way to choose.
func (s *Store) grant(ctx context.Context, id store.LeaseID, seconds int64) (time.Duration, error) {
	leases, err := s.link.leases(ctx)
	if err != nil {
		return 0, err
	}
	resp, err := leases.LeaseGrant(ctx, &pb.LeaseGrantRequest{ID: int64(id), TTL: seconds}, callOptions...)
	if err != nil {
		return 0, err
	}
	s.contact.hear(resp.Header)
	return time.Duration(resp.TTL) * time.Second, nil
}
