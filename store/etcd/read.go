package etcd

import (
	"context"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// Get gives the record of the key. Until etcd has revoked its lease it is there.
func (s *Store) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	c, err := s.begin(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	defer c.end()
	a, err := c.read(s.getRecord(key))
	if err != nil {
		return nil, c.fail(err)
	}
	if len(a.ranges[0]) == 0 {
		return nil, c.fail(store.ErrNotFound)
	}
	e, _ := s.decode(a.ranges[0][0], a.epoch.id)
	if e.bad != nil {
		return nil, c.fail(e.bad)
	}
	return e.rec, nil
}

// List asks for pages of about so many bytes, of so many records to begin with and at most. For each
// page etcd counts all keys from its beginning to the end of the range: small pages of a large
// range take it longer than the records themselves.
const (
	pageBytes = 4 << 20
	firstPage = 1000
	mostPage  = 10_000
)

// nextPage gives how many records the page after these is to have.
func nextPage(kvs []*mvccpb.KeyValue) int64 {
	size := 0
	for _, kv := range kvs {
		size += len(kv.Key) + len(kv.Value)
	}
	return int64(min(max(pageBytes*len(kvs)/max(size, 1), firstPage/4), mostPage))
}

// List gives the records that sel chooses, read in pages at one revision. Each page has
// the time of a call, and while one is decoded the next is under way.
func (s *Store) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	c, err := s.begin(ctx, "list", store.Key{})
	if err != nil {
		return store.Snapshot{}, err
	}
	defer c.end()
	for range askTries {
		snap, err := c.list(sel)
		if is(err, rpctypes.ErrCompacted) {
			continue // etcd was compacted between two pages
		}
		if err != nil {
			return store.Snapshot{}, c.fail(err)
		}
		return snap, nil
	}
	return store.Snapshot{}, c.fail(errRestless)
}

func (c *call) list(sel store.Selector) (store.Snapshot, error) {
	from, end := c.s.keys.span(sel)
	size := int64(firstPage)
	a, err := c.read(clientv3.OpGet(from, end, clientv3.WithLimit(size)))
	if err != nil {
		return store.Snapshot{}, err
	}
	snap := store.Snapshot{Revision: a.revision(), Records: []*store.Record{}}
	client, err := c.s.link.get(c.ctx)
	if err != nil {
		return store.Snapshot{}, err
	}
	kvs := a.ranges[0]
	for {
		last := int64(len(kvs)) < size
		var fetching sync.WaitGroup
		var resp *clientv3.GetResponse
		if !last {
			c.allow(c.s.opts.CallTimeout)
			size = nextPage(kvs)
			next := string(kvs[len(kvs)-1].Key) + "\x00"
			fetching.Go(func() {
				resp, err = again(c.ctx, func() (*clientv3.GetResponse, error) {
					return client.Get(c.ctx, next, clientv3.WithRange(clientv3.GetPrefixRangeEnd(from)), clientv3.WithLimit(size), clientv3.WithRev(a.rev))
				})
			})
		}
		snap.Records = c.s.choose(snap.Records, kvs, sel, a.epoch.id)
		fetching.Wait()
		switch {
		case last:
			return snap, nil
		case err != nil:
			return store.Snapshot{}, err
		}
		c.s.contact.hear(resp.Header)
		if resp.Header.ClusterId != a.epoch.cluster {
			return store.Snapshot{}, rpctypes.ErrCompacted // the rest is of another history
		}
		kvs = resp.Kvs
	}
}

// choose adds the records that sel chooses. One that this build cannot read is left out,
// and logged: it must not take all others with it.
func (s *Store) choose(to []*store.Record, kvs []*mvccpb.KeyValue, sel store.Selector, epoch uint64) []*store.Record {
	for _, kv := range kvs {
		if e, ok := s.decode(kv, epoch); ok && e.bad == nil && sel.Matches(e.rec.Key) {
			to = append(to, e.rec)
		}
	}
	return to
}

// ttlAtOnce is how many leases are asked about at the same time.
const ttlAtOnce = 16

// TimeToLive gives what remains of each lease, in whole seconds; zero for a live record
// without one, and for one whose lease is over but not yet revoked.
func (s *Store) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	c, err := s.begin(ctx, "timetolive", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.end()
	left, errs := make([]time.Duration, len(refs)), make([]error, len(refs))
	slots := make(chan struct{}, ttlAtOnce)
	var asking sync.WaitGroup
	for i, ref := range refs {
		slots <- struct{}{}
		asking.Go(func() {
			left[i], errs[i] = c.timeToLive(ref)
			<-slots
		})
	}
	asking.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, c.fail(err)
		}
	}
	return left, nil
}

func (c *call) timeToLive(ref store.Ref) (time.Duration, error) {
	if ref.Lease == 0 {
		a, err := c.read(c.s.getRecord(ref.Key))
		if err != nil || len(a.ranges[0]) == 0 {
			return -1, err
		}
		if ref.Lease = store.LeaseID(a.ranges[0][0].Lease); ref.Lease == 0 {
			return 0, nil
		}
	}
	if ref.Lease>>63 != 0 {
		return -1, nil // no lease of etcd's
	}
	leases, err := c.s.link.leases(c.ctx)
	if err != nil {
		return 0, err
	}
	resp, err := again(c.ctx, func() (*pb.LeaseTimeToLiveResponse, error) {
		return leases.LeaseTimeToLive(c.ctx, &pb.LeaseTimeToLiveRequest{ID: int64(ref.Lease), Keys: true}, callOptions...)
	})
	if err != nil {
		return 0, err
	}
	c.s.contact.hear(resp.Header)
	if resp.GrantedTTL == 0 {
		return -1, nil
	}
	for _, key := range resp.Keys {
		if string(key) == c.s.keys.record(ref.Key) {
			return time.Duration(max(0, resp.TTL)) * time.Second, nil
		}
	}
	return -1, nil // the lease of something else
}
