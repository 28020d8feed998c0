package cursor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/cursor"
)

// log is a log in this process, as a backend keeps one.
type log struct {
	cursor.Cursor
	events []store.Event
	news   chan struct{}
	looks  int
}

func (l *log) collect(context.Context) (b store.Batch, news <-chan struct{}, err error) {
	if l.looks++; l.Closed() {
		return b, nil, store.ErrClosed
	}
	b.Events, l.events = l.events, nil
	return b, l.news, nil
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{Cursor: cursor.New(), news: make(chan struct{})}
		type result struct {
			b   store.Batch
			err error
		}
		got := make(chan result)
		next := func(ctx context.Context) {
			b, err := l.Wait(ctx, l.collect)
			got <- result{b, err}
		}

		go next(t.Context())
		synctest.Wait()
		l.events = make([]store.Event, 2)
		close(l.news)
		if r := <-got; r.err != nil || len(r.b.Events) != 2 || l.looks != 2 {
			t.Errorf("%d events, %v, after %d looks", len(r.b.Events), r.err, l.looks)
		}

		l.news = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go next(ctx)
		synctest.Wait()
		cancel()
		if r := <-got; !errors.Is(r.err, context.Canceled) {
			t.Errorf("a call that ended gives %v", r.err)
		}

		go next(t.Context())
		synctest.Wait()
		for range 2 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		if r := <-got; !errors.Is(r.err, store.ErrClosed) {
			t.Errorf("after close: %v", r.err)
		}
	})
}

// Where a portion of the log held nothing for this watcher, the next one is read at once.
func TestWaitReadsOn(t *testing.T) {
	c := cursor.New()
	portions := 0
	b, err := c.Wait(t.Context(), func(context.Context) (store.Batch, <-chan struct{}, error) {
		if portions++; portions < 3 {
			return store.Batch{}, nil, nil
		}
		return store.Batch{Events: make([]store.Event, 1)}, nil, nil
	})
	if err != nil || len(b.Events) != 1 || portions != 3 {
		t.Errorf("%d events, %v, after %d portions", len(b.Events), err, portions)
	}
}
