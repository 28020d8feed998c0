package redis

import (
	"context"
	"errors"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/roster-sd/roster/store"
)

const (
	// maxRefs is how many renewals of small calls share one round trip at most.
	maxRefs = 10_000
	// smallCall is how many renewals a small call has at most.
	smallCall = 32
	// largeShare is how many renewals of large calls there are in a round trip: few enough that
	// a heartbeat which comes meanwhile waits a few milliseconds.
	largeShare = 500
	// maxAsked is how many leases one script looks at.
	maxAsked = 500

	// Answers of the script renew in place of a TTL.
	isLost = -3
	isNone = -4
	ranOut = -5 // and its record is still there
)

// Renew starts the TTL of each lease anew. A record without a lease has nothing to renew and
// answers with a TTL of zero. Calls that come while Redis is asked for others share the next
// round trip.
func (s *Store) Renew(ctx context.Context, refs []store.Ref) ([]store.Renewal, error) {
	if err := s.allows(ctx, "renew", store.Key{}); err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		return []store.Renewal{}, nil
	}
	call := &renewing{refs: refs, out: make([]store.Renewal, len(refs)), until: time.Now().Add(s.opts.CallTimeout)}
	err := s.renewer.carry(ctx, call)
	if err != nil {
		return nil, s.failure(ctx, "renew", store.Key{}, err)
	}
	return call.out, nil
}

// renewAll makes one round trip, and a second one for what was not found in it.
func (s *Store) renewAll(ctx context.Context, load []seats) error {
	missed, err := s.expireAll(ctx, load)
	if err != nil {
		return err
	}
	for from := 0; from < len(missed); from += maxAsked {
		portion := missed[from:min(from+maxAsked, len(missed))]
		refs := make([]store.Ref, len(portion))
		for i, m := range portion {
			refs[i] = m.call.refs[m.from]
		}
		ms, err := s.ask(ctx, "renew", refs)
		if err != nil {
			return err
		}
		for i, m := range portion {
			m.call.out[m.from] = renewal(&refs[i], ms[i])
		}
	}
	return nil
}

func renewal(ref *store.Ref, ms int64) store.Renewal {
	switch ms {
	case isNone:
		return store.Renewal{Err: fail("renew", ref.Key, store.ErrNotFound, nil)}
	case isLost, ranOut:
		return store.Renewal{Err: fail("renew", ref.Key, store.ErrLeaseLost, nil)}
	}
	return store.Renewal{TTL: time.Duration(ms) * time.Millisecond}
}

// expireAll sends PEXPIRE for each lease and gives those that did not find theirs.
func (s *Store) expireAll(ctx context.Context, load []seats) (missed []seats, err error) {
	for range 1 + len(s.opts.Addresses) {
		c := s.link.client.Load()
		if missed, err = s.expireOn(ctx, c, load); err == nil {
			return missed, nil
		}
		if !s.broke(c, err) || ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (s *Store) expireOn(ctx context.Context, c *driver.Client, load []seats) (missed []seats, err error) {
	pipe := c.Pipeline()
	for _, part := range load {
		for i := part.from; i < part.to; i++ {
			if ref := &part.call.refs[i]; ref.Lease != 0 {
				_ = pipe.Process(ctx, driver.NewIntCmd(ctx, "pexpire", s.leaseKey(ref), millis(ref.Lease)))
			}
		}
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return nil, err
	}
	if len(cmds) > 0 {
		s.heard()
	}
	for _, part := range load {
		for i := part.from; i < part.to; i++ {
			if ref := &part.call.refs[i]; ref.Lease != 0 {
				found := cmds[0].(*driver.IntCmd).Val() == 1
				cmds = cmds[1:]
				if found {
					part.call.out[i] = store.Renewal{TTL: ttlOf(ref.Lease)}
					continue
				}
			}
			missed = append(missed, seats{call: part.call, from: i})
		}
	}
	return missed, nil
}

// leaseKey gives the key whose TTL is the lease's.
func (s *Store) leaseKey(ref *store.Ref) string {
	b := make([]byte, 0, 128)
	b = append(append(append(b, '{'), s.opts.Prefix...), "}:l:"...)
	return string(appendLease(b, ref.Lease, &ref.Key))
}

var errCount = errors.New("a script gave another number of answers than was asked for")

// ask renews leases one by one, or gives what remains of them, in milliseconds, or why there
// is nothing.
func (s *Store) ask(ctx context.Context, what string, refs []store.Ref) ([]int64, error) {
	args := make([]any, 0, 1+2*len(refs))
	args = append(args, what)
	for i := range refs {
		args = append(args, name(refs[i].Key), wanted(refs[i]))
	}
	r, _, err := s.run(ctx, scriptRenew, args...)
	if err != nil {
		return nil, err
	}
	if len(r) != 2+len(refs) {
		return nil, errCount
	}
	ms := make([]int64, len(refs))
	for i := range ms {
		ms[i] = r.integer(2 + i)
	}
	return ms, nil
}
