package redis

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/roster-sd/roster/store"
)

var (
	errEmpty    = errors.New("a key needs a kind, a service and an ID")
	errNegative = errors.New("a ttl cannot be less than 0")
	errTooLate  = errors.New("a generation cannot be more than 2^53")
	errUnlucky  = errors.New("no free number was found for a lease")
)

// Register puts a record under a new lease, replacing the one of its key. It is tried once:
// after ErrUnavailable nothing is known of it.
func (s *Store) Register(ctx context.Context, in store.Record, grant store.Grant) (*store.Record, error) {
	c, err := s.enter(ctx, "register", in.Key)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	switch {
	case in.Key.Kind == "" || in.Key.Service == "" || in.Key.ID == "":
		return nil, c.invalid(errEmpty)
	case grant.TTL < 0:
		return nil, c.invalid(errNegative)
	case grant.TTL > longest:
		return nil, c.invalid(errLong)
	case grant.If.Generation > 1<<53: // the numbers of scripts are exact up to there
		return nil, c.invalid(errTooLate)
	}
	text, err := encode(&stored{rec: &in})
	if err != nil {
		return nil, c.invalid(err)
	}
	why, err := s.reasons(grant)
	if err != nil {
		return nil, c.invalid(err)
	}
	for range 4 {
		lease := newLease(grant.TTL)
		r, e, err := s.run(c.ctx, scriptRegister, s.registration(&in, lease, text, why, grant.If)...)
		if err != nil {
			return nil, c.failed(err)
		}
		if kind := refusal(r.code()); kind != nil {
			return nil, c.refuse(kind)
		}
		if r.code() == done {
			return registered(&in, lease, grant, e, r), nil
		}
	}
	return nil, c.failed(errUnlucky)
}

// reasons gives why a record is registered, why the one before it was replaced, and why one
// that had run out left.
func (s *Store) reasons(grant store.Grant) (why [3]string, err error) {
	code := store.Registered
	if grant.If.Absent && grant.If.Generation != 0 {
		code = store.Resurrected
	}
	if why[0], err = s.reason(grant.Why, code); err != nil {
		return why, err
	}
	if why[1], err = s.reason(grant.Why, store.Replaced); err != nil {
		return why, err
	}
	why[2], err = s.reason(store.Reason{}, store.Expired)
	return why, err
}

func (s *Store) registration(in *store.Record, lease store.LeaseID, text string, why [3]string, cond store.Condition) []any {
	var absent, held, generation string
	if cond.Absent {
		absent = "1"
	}
	if cond.Lease != 0 {
		held = leaseName(cond.Lease, &in.Key)
	}
	if cond.Generation != 0 {
		generation = strconv.FormatUint(cond.Generation, 10)
	}
	return []any{
		nonce(), s.opts.StreamLength, name(in.Key), leaseName(lease, &in.Key), millis(lease), text,
		why[0], why[1], why[2], absent, held, generation, max(0, int64(in.RegisteredAt)),
	}
}

// registered gives the record as it stands in Redis.
func registered(in *store.Record, lease store.LeaseID, grant store.Grant, e *epoch, r reply) *store.Record {
	rec := *in
	rec.Instance.Tags = slices.Clone(in.Instance.Tags) // what the caller keeps is the caller's
	rec.Instance.Metadata = slices.Clone(in.Instance.Metadata)
	rec.Lease = lease
	rec.Revision = e.revision(r.number(1))
	rec.Changed = rec.Revision.Number
	rec.Generation = r.number(2)
	rec.RegisteredAt = store.Millis(r.integer(3))
	rec.TTL = 0
	if grant.TTL > 0 {
		rec.TTL = time.Duration(millis(lease)) * time.Millisecond
	}
	return &rec
}
