package memory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// Writers of every kind at once, in real time; those who follow end with what a list
// gives, and saw each revision once and in order. The race detector does the rest.
func TestFollowersOfManyWriters(t *testing.T) {
	s := Open(Options{})
	defer s.Close()
	start, err := s.List(t.Context(), store.Selector{})
	if err != nil {
		t.Fatal(err)
	}

	const followers, writers, rounds = 3, 4, 400
	views := make([]map[store.Key]*store.Record, followers)
	var following sync.WaitGroup
	ends := make([]chan store.Revision, followers)
	for i := range views {
		views[i] = map[store.Key]*store.Record{}
		ends[i] = make(chan store.Revision, 1)
		following.Go(func() {
			if err := follow(t.Context(), s, start.Revision, views[i], ends[i]); err != nil {
				t.Error(err)
			}
		})
	}

	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for n := range rounds {
				write(t, s, rand.IntN(20), n)
			}
		})
	}
	writing.Wait()
	last, err := s.Register(t.Context(), store.Record{Key: store.InstanceKey("last", "one")}, store.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range ends {
		e <- last.Revision
	}
	following.Wait()
	snap, err := s.List(t.Context(), store.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	counted, walked := s.index.count(store.Selector{}), 0
	s.index.sel(store.Selector{}, func(*store.Packed) { walked++ })
	s.mu.Unlock()
	if counted != walked {
		t.Errorf("the index counts %d records and has %d", counted, walked)
	}
	// What expired since the last revision is missing in the list and still in the views.
	for _, rec := range snap.Records {
		for i, view := range views {
			if !same(view[rec.Key], rec) && rec.Revision.Number <= last.Revision.Number {
				t.Errorf("follower %d has %v, the list %v", i, view[rec.Key], rec)
			}
		}
	}
}

// follow applies changes up to the revision that comes on end.
func follow(ctx context.Context, s *Store, at store.Revision, view map[store.Key]*store.Record, end <-chan store.Revision) error {
	w, err := s.Watch(ctx, store.Selector{}, at)
	if err != nil {
		return err
	}
	defer w.Close()
	for last := (store.Revision{}); last.IsZero() || at.Before(last); {
		b, err := w.Next(ctx)
		if err != nil {
			return err
		}
		for _, e := range b.Events {
			if e.Revision.Number < at.Number || e.Revision.Number > at.Number+1 {
				return fmt.Errorf("revision %v after %v", e.Revision, at)
			}
			at = e.Revision
			if before := view[e.Key()]; (before != nil || e.Before != nil) && !same(before, e.Before) {
				return fmt.Errorf("the record before %v was %v, not %v", e, before, e.Before)
			}
			if e.Deleted() {
				delete(view, e.Key())
			} else {
				view[e.Key()] = e.Record
			}
		}
		select {
		case last = <-end:
		default:
		}
	}
	return nil
}

func write(t *testing.T, s *Store, id, n int) {
	ctx := t.Context()
	key := store.InstanceKey("orders", fmt.Sprint(id))
	rec, err := s.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) || n%7 == 0 {
		ttl := []time.Duration{0, time.Hour, time.Millisecond}[n%3]
		_, err = s.Register(ctx, instance(key.ID), store.Grant{TTL: ttl})
	} else if err == nil {
		switch n % 3 {
		case 0:
			_, err = s.Renew(ctx, []store.Ref{rec.Ref()})
		case 1:
			_, err = s.Update(ctx, rec.Ref(), store.Reason{}, func(r *store.Record) error {
				r.Instance.Weight++
				return nil
			})
		default:
			_, err = s.Deregister(ctx, rec.Ref(), store.Reason{})
		}
	}
	if err != nil && !errors.Is(err, store.ErrLeaseLost) && !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

func TestCloseTwiceAndAfterwards(t *testing.T) {
	s := Open(Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Ping = %v", err)
	}
	if _, err := s.Renew(t.Context(), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Renew of nothing = %v", err)
	}
	if _, err := s.TimeToLive(t.Context(), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("TimeToLive of nothing = %v", err)
	}
}

func TestEveryOpenIsAnEpoch(t *testing.T) {
	seen := map[uint64]bool{}
	for range 100 {
		s := Open(Options{})
		seen[s.revision.Epoch] = true
		s.Close()
	}
	if len(seen) != 100 || seen[0] {
		t.Errorf("%d epochs of 100, zero among them: %v", len(seen), seen[0])
	}
}
