package share

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

// A node that holds failures back, for a doubt, says so in its seat, since they are missing in the
// share of a service that fails: the others remove nothing meanwhile, as it removes nothing. To
// mark what they find they go on.

// heldFor is for how long it says so after the last failure was let go, which is reported next.
const heldFor = 5 * time.Second

// holdsBack tells whether this node holds failures back, or did just now.
func (r *Runner) holdsBack(doubting bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !doubting && r.held.IsZero() {
		return false
	}
	for _, s := range r.known {
		if doubting = doubting || s.withheld; doubting {
			break
		}
	}
	switch now := time.Now(); {
	case doubting:
		r.held = now
	case now.Sub(r.held) >= heldFor:
		r.held = time.Time{}
	}
	return !r.held.IsZero()
}

// doubts tells whether the record of a node says that it holds failures back.
func doubts(rec *store.Record) bool { return rec.Instance.Health == store.HealthSuspect }

// Say writes into the seat whether this node holds failures back, if it does not say so already. What
// cannot be written is tried again at the next call.
func (s *Seat) Say(ctx context.Context, doubting bool) {
	s.mu.Lock()
	own, said := s.own, s.said
	s.mu.Unlock()
	if own.Lease == 0 || said == doubting {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveIn)
	defer cancel()
	_, err := s.store.Update(ctx, own, store.Reason{Code: store.Updated, Node: s.node}, func(rec *store.Record) error {
		if rec.Instance.Health = ""; doubting {
			rec.Instance.Health = store.HealthSuspect
		}
		return nil
	})
	switch {
	case err == nil:
		s.mu.Lock()
		if s.own == own {
			s.said = doubting
		}
		s.mu.Unlock()
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrLeaseLost):
		s.Doubt()
	default:
		s.log.Debug("checks: that this node holds failures back could not be told to the others", "error", err)
	}
}

// Doubted tells whether another node that is there holds failures back.
func (s *Seat) Doubted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.doubtful {
		if id != s.own.Key.ID {
			return true
		}
	}
	return false
}

// note takes in what the record of a node says, nil where it ended. It needs the mutex.
func (s *Seat) note(id string, rec *store.Record) {
	if rec == nil {
		delete(s.nodes, id)
		delete(s.doubtful, id)
		return
	}
	if s.nodes[id] = rec.Lease; doubts(rec) {
		s.doubtful[id] = true
	} else {
		delete(s.doubtful, id)
	}
}
