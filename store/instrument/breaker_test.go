package instrument_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/instrument"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend answers every call with err, after it took its time.
type backend struct {
	store.Store
	err   error
	takes time.Duration
	asked []string
}

func (s *backend) answer(ctx context.Context, op string) error {
	s.asked = append(s.asked, op)
	select {
	case <-time.After(s.takes):
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *backend) Capabilities() store.Capabilities { return store.Capabilities{Backend: "test"} }

func (s *backend) Ping(ctx context.Context) error { return s.answer(ctx, "ping") }

func (s *backend) Get(ctx context.Context, _ store.Key) (*store.Record, error) {
	return nil, s.answer(ctx, "get")
}

func (s *backend) List(ctx context.Context, _ store.Selector) (store.Snapshot, error) {
	return store.Snapshot{}, s.answer(ctx, "list")
}

func (s *backend) Watch(ctx context.Context, _ store.Selector, _ store.Revision) (store.Watcher, error) {
	return &watcher{s}, s.answer(ctx, "watch")
}

func (s *backend) History(ctx context.Context, _ store.Selector, _ int) ([]store.Event, error) {
	return nil, s.answer(ctx, "history")
}

func (s *backend) Tombstones(ctx context.Context, _ store.Key) ([]store.Tombstone, error) {
	return nil, s.answer(ctx, "tombstones")
}

func (s *backend) TimeToLive(ctx context.Context, _ []store.Ref) ([]time.Duration, error) {
	return nil, s.answer(ctx, "timetolive")
}

func (s *backend) Register(ctx context.Context, _ store.Record, _ store.Grant) (*store.Record, error) {
	return nil, s.answer(ctx, "register")
}

func (s *backend) Renew(ctx context.Context, _ []store.Ref) ([]store.Renewal, error) {
	return nil, s.answer(ctx, "renew")
}

func (s *backend) Update(ctx context.Context, _ store.Ref, _ store.Reason, _ func(*store.Record) error) (*store.Record, error) {
	return nil, s.answer(ctx, "update")
}

func (s *backend) Deregister(ctx context.Context, _ store.Ref, _ store.Reason) (store.Revision, error) {
	return store.Revision{}, s.answer(ctx, "deregister")
}

type watcher struct{ s *backend }

func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	return store.Batch{}, w.s.answer(ctx, "next")
}
func (w *watcher) Close() error { return nil }

// calls are all but the ping, by name.
var calls = map[string]func(context.Context, store.Store) error{
	"get":  func(ctx context.Context, s store.Store) error { _, err := s.Get(ctx, store.Key{}); return err },
	"list": func(ctx context.Context, s store.Store) error { _, err := s.List(ctx, store.Selector{}); return err },
	"watch": func(ctx context.Context, s store.Store) error {
		_, err := s.Watch(ctx, store.Selector{}, store.Revision{})
		return err
	},
	"history": func(ctx context.Context, s store.Store) error {
		_, err := s.History(ctx, store.Selector{}, 1)
		return err
	},
	"tombstones": func(ctx context.Context, s store.Store) error { _, err := s.Tombstones(ctx, store.Key{}); return err },
	"timetolive": func(ctx context.Context, s store.Store) error { _, err := s.TimeToLive(ctx, nil); return err },
	"register": func(ctx context.Context, s store.Store) error {
		_, err := s.Register(ctx, store.Record{}, store.Grant{})
		return err
	},
	"renew": func(ctx context.Context, s store.Store) error { _, err := s.Renew(ctx, nil); return err },
	"update": func(ctx context.Context, s store.Store) error {
		_, err := s.Update(ctx, store.Ref{}, store.Reason{}, nil)
		return err
	},
	"deregister": func(ctx context.Context, s store.Store) error {
		_, err := s.Deregister(ctx, store.Ref{}, store.Reason{})
		return err
	},
}

var (
	dead     = &store.Error{Op: "test", Backend: "test", Kind: store.ErrUnavailable, Cause: errors.New("no space")}
	conflict = &store.Error{Op: "test", Backend: "test", Kind: store.ErrConflict}
)

// TestBreakerOpens: after two calls in a row that could not reach the backend no third one
// waits, whatever it is, until a ping is answered.
func TestBreakerOpens(t *testing.T) {
	for first := range calls {
		t.Run(first, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &backend{err: dead, takes: 2 * time.Second}
				b := instrument.Break(inner)
				for range 2 {
					if b.Open() {
						t.Fatal("open too early")
					}
					if err := calls[first](t.Context(), b); !errors.Is(err, store.ErrUnavailable) {
						t.Fatal(err)
					}
				}
				if !b.Open() {
					t.Fatal("not open")
				}
				for name, call := range calls {
					began := time.Now()
					err := call(t.Context(), b)
					if !errors.Is(err, store.ErrUnavailable) || time.Since(began) != 0 || !strings.HasPrefix(err.Error(), name+" (test)") {
						t.Errorf("%s: %v after %v", name, err, time.Since(began))
					}
					if !strings.Contains(err.Error(), "no space") {
						t.Errorf("%s does not say why: %v", name, err)
					}
				}
				if len(inner.asked) != 2 {
					t.Errorf("asked for %v", inner.asked)
				}
				if err := b.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) || !b.Open() {
					t.Errorf("a ping that failed: %v, open %v", err, b.Open())
				}
				inner.err = nil
				if err := b.Ping(t.Context()); err != nil || b.Open() {
					t.Errorf("a ping: %v, open %v", err, b.Open())
				}
				if err := calls[first](t.Context(), b); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestBreakerStays: what is no sign of a dead backend opens nothing.
func TestBreakerStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &backend{takes: time.Second}
		b := instrument.Break(inner)
		get := func(ctx context.Context, err error) {
			inner.err = err
			_ = calls["get"](ctx, b)
		}
		for range 3 {
			get(t.Context(), dead)
			get(t.Context(), conflict) // an answer like any other
		}
		get(t.Context(), dead)
		for range 3 { // those who did not wait say nothing, neither for nor against
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			get(ctx, dead)
			cancel()
		}
		if b.Open() {
			t.Fatal("open")
		}
		get(t.Context(), dead)
		if !b.Open() {
			t.Fatal("not open after two in a row, with calls between that were given up")
		}
	})
}

// TestBreakerPings: pings alone open it, those too that run into their limit; one that is
// given up does not.
func TestBreakerPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &backend{takes: time.Hour}
		b := instrument.Break(inner)
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = b.Ping(ctx)
		}
		for range 2 {
			if b.Open() {
				t.Fatal("open too early")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			if err := b.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
		if !b.Open() {
			t.Error("not open")
		}
	})
}

// TestBreakerAnswersLate: a call from before the breaker opened closes it no more: only a
// ping does. And a watcher that is open is asked on.
func TestBreakerAnswersLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &backend{}
		b := instrument.Break(inner)
		w, err := b.Watch(t.Context(), store.Selector{}, store.Revision{})
		if err != nil {
			t.Fatal(err)
		}
		b.Store = &backend{takes: 3 * time.Second}
		done := make(chan error)
		go func() { done <- calls["get"](t.Context(), b) }()
		synctest.Wait()
		b.Store = &backend{err: dead}
		for range 2 {
			_ = calls["renew"](t.Context(), b)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !b.Open() {
			t.Error("closed by a late answer")
		}
		if _, err := w.Next(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
