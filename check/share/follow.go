package share

import (
	"context"
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

// follow keeps the list of those who are there.
func (s *Seat) follow(ctx context.Context) error {
	for {
		err := s.followOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrClosed):
			return err
		}
		s.broken()
		timer := time.NewTimer(tryAgain)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// followOnce follows the store from a list to an error.
func (s *Seat) followOnce(ctx context.Context) error {
	of := store.Selector{Kind: store.KindNode, Service: Service}
	snap, err := s.store.List(ctx, of)
	if err != nil {
		return err
	}
	w, err := s.store.Watch(ctx, of, snap.Revision)
	if err != nil {
		return err
	}
	defer w.Close()
	s.listed(snap.Records)
	for {
		batch, err := w.Next(ctx)
		if err != nil {
			return err
		}
		s.told(batch.Events)
	}
}

func (s *Seat) listed(records []*store.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.nodes)
	clear(s.doubtful)
	for _, rec := range records {
		s.note(rec.Key.ID, rec)
	}
	s.deaf = time.Time{}
	s.missed()
}

func (s *Seat) told(events []store.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		if ev := &events[i]; ev.Deleted() {
			s.note(ev.Key().ID, nil)
		} else {
			s.note(ev.Key().ID, ev.Record)
		}
	}
	s.missed()
}

// missed looks, and sees to the lease at once where the feed does not have it: the backend may
// have lost it. It needs the mutex.
func (s *Seat) missed() {
	s.look()
	if s.own.Lease != 0 && s.nodes[s.own.Key.ID] != s.own.Lease {
		s.Doubt()
	}
}

// broken notes that the feed is broken. For a moment what it told last is good enough: nobody is
// taken for gone in less.
func (s *Seat) broken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf.IsZero() {
		s.deaf = time.Now()
	}
	s.Doubt() // so that it wakes up when the moment is over
	s.look()
}
