package redis

import (
	"context"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

// Get gives the live record of the key.
func (s *Store) Get(ctx context.Context, key store.Key) (*store.Record, error) {
	c, err := s.enter(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	r, e, err := s.run(c.ctx, scriptGet, name(key))
	if err != nil {
		return nil, c.failed(err)
	}
	if len(r) < 3 {
		return nil, c.refuse(store.ErrNotFound)
	}
	v, err := decode(key, e.id, r.text(2))
	if err != nil {
		return nil, c.failed(err)
	}
	return v.rec, nil
}

// Tombstones gives the earlier lives of the key, newest first. One that is over but not yet
// announced is announced first, so that whoever was just refused finds out why.
func (s *Store) Tombstones(ctx context.Context, key store.Key) ([]store.Tombstone, error) {
	c, err := s.enter(ctx, "tombstones", key)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	why, err := s.reason(store.Reason{}, store.Expired)
	if err != nil {
		return nil, c.failed(err)
	}
	r, e, err := s.runWith(c.ctx, scriptTombstones, func() []any {
		from, to := s.clock.window()
		if !s.settled() {
			from, to = 1, 0
		}
		return []any{nonce(), s.opts.StreamLength, name(key), from, to, why}
	})
	if err != nil {
		return nil, c.failed(err)
	}
	stones := []store.Tombstone{}
	for i := 3; i < len(r); i++ {
		t, err := tombstone(key, e.id, r.text(i))
		if err != nil {
			return nil, c.failed(err)
		}
		if r.integer(2)-int64(t.Time) < store.TombstoneAge.Milliseconds() {
			stones = append(stones, t)
		}
	}
	return stones, nil
}

// tombstone reads what a script wrote of a record that left:
//
//	1 REVISION TIME GENERATION CODE
//	the JSON of the reason
//	the record without its second line of JSON
func tombstone(key store.Key, epoch uint64, value string) (store.Tombstone, error) {
	line, rest, _ := strings.Cut(value, "\n")
	why, rest, ok := strings.Cut(rest, "\n")
	f := strings.Fields(line)
	if !ok || len(f) < 5 || f[0] != "1" {
		return store.Tombstone{}, errValue
	}
	at := reply{f[1], f[2]}
	v, err := decode(key, epoch, rest)
	if err != nil {
		return store.Tombstone{}, err
	}
	t := store.Tombstone{
		Record:   remains(v.rec),
		Revision: store.Revision{Epoch: epoch, Number: at.number(0)},
		Time:     store.Millis(at.integer(1)),
	}
	if t.Reason, err = reasonOf(why); err != nil {
		return store.Tombstone{}, err
	}
	return t, nil
}

// remains gives what a tombstone tells of a record; see [store.Tombstone].
func remains(rec *store.Record) *store.Record {
	return &store.Record{
		Key: rec.Key, Lease: rec.Lease, Generation: rec.Generation, Revision: rec.Revision,
		TTL: rec.TTL, RegisteredAt: rec.RegisteredAt, Owner: rec.Owner, Tokens: rec.Tokens,
		Instance: store.Instance{Address: rec.Instance.Address, Port: rec.Instance.Port, Status: rec.Instance.Status},
	}
}

// TimeToLive gives what remains of each lease; zero for a live record that has none.
func (s *Store) TimeToLive(ctx context.Context, refs []store.Ref) ([]time.Duration, error) {
	c, err := s.enter(ctx, "timetolive", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.leave()
	left := make([]time.Duration, len(refs))
	for from := 0; from < len(refs); from += maxRefs {
		n := min(from+maxRefs, len(refs))
		if err := s.timeToLive(c, refs[from:n], left[from:n]); err != nil {
			return nil, c.failed(err)
		}
		c.again()
	}
	return left, nil
}

func (s *Store) timeToLive(c *call, refs []store.Ref, left []time.Duration) error {
	for from := 0; from < len(refs); from += maxAsked {
		portion := refs[from:min(from+maxAsked, len(refs))]
		ms, err := s.ask(c.ctx, "left", portion)
		if err != nil {
			return err
		}
		for i, n := range ms {
			left[from+i] = time.Duration(n) * time.Millisecond
		}
	}
	return nil
}
