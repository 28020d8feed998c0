package storetest

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/roster-sd/roster/store"
)

var watchPaceSpecs = []spec{
	{name: "watch/slow-reader-holds-nobody-up", prove: watchSlow},
	{name: "watch/many-watchers", prove: watchMany},
	{name: "watch/close-releases", prove: watchReleases, needs: []need{needQuiet}},
	{name: "watch/close-in-the-middle", prove: watchCloseMiddle},
}

// drain reads a watcher to the mark, or to the error with which it breaks loudly.
func (c *cursor) drain(mark *store.Record) ([]store.Event, error) {
	var events []store.Event
	for {
		batch, err := c.next(c.e.h.Patience)
		if err != nil {
			return events, err
		}
		events = append(events, batch...)
		if c.last == mark.Revision {
			return events, nil
		}
	}
}

// Writers do not wait for a watcher that does not read. Later it gives everything, or
// says that it cannot.
func watchSlow(e *env) {
	const n = 3000
	slow := e.fromNow()
	refs := make([]store.Ref, 20)
	for i := range refs {
		refs[i] = e.put(store.InstanceKey("user", fmt.Sprint(i)), lasting).Ref()
	}
	for i := range n {
		e.update(refs[i%len(refs)], because(store.Updated), func(r *store.Record) error { r.Instance.PID = i + 1; return nil })
	}
	events, err := slow.drain(e.mark(store.Selector{}))
	if err != nil {
		if !errors.Is(err, store.ErrCompacted) {
			e.t.Fatalf("a slow watcher broke with %v, want ErrCompacted", err)
		}
		if _, err := slow.next(e.h.Patience); err == nil {
			e.t.Fatal("a watcher gave events after it had broken")
		}
		return
	}
	if want := len(refs) + n + 1; len(events) != want {
		e.t.Errorf("a slow watcher gave %d events of %d and no error", len(events), want)
	}
}

// However many watch, each sees the same.
func watchMany(e *env) {
	const watchers, n = 200, 20
	start := e.list(store.Selector{}).Revision
	cursors := make([]*cursor, watchers)
	for i := range cursors {
		cursors[i] = e.follow(e.s, store.Selector{Service: "user"}, start)
	}
	feeds := make([][]store.Event, watchers)
	errs := atOnce(watchers+1, func(i int) error {
		if i < watchers {
			for len(feeds[i]) < n {
				events, err := cursors[i].next(e.h.Patience)
				if err != nil {
					return err
				}
				feeds[i] = append(feeds[i], events...)
			}
			return nil
		}
		for k := range n {
			if _, err := e.s.Register(e.ctx, sample(store.InstanceKey("user", fmt.Sprint(k))), store.Grant{TTL: lasting}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Fatal(err)
	}
	for i, feed := range feeds {
		if why := sameFeed(feeds[0], feed); why != "" {
			e.t.Fatalf("watchers 0 and %d: %s", i, why)
		}
	}
}

// sameFeed tells where two feeds of one store differ.
func sameFeed(want, got []store.Event) string {
	for i := range min(len(want), len(got)) {
		if want[i].Revision != got[i].Revision || want[i].Key() != got[i].Key() {
			return fmt.Sprintf("event %d is of %v at %v for one and of %v at %v for the other",
				i, want[i].Key(), want[i].Revision, got[i].Key(), got[i].Revision)
		}
		if d := differ(want[i].Record, got[i].Record); d != "" {
			return fmt.Sprintf("event %d at %v: %s", i, want[i].Revision, d)
		}
	}
	if len(want) != len(got) {
		return fmt.Sprintf("%d events for one, %d for the other", len(want), len(got))
	}
	return ""
}

// A watcher that is closed leaves no goroutine, whether it had read anything or not.
func watchReleases(e *env) {
	e.put(store.InstanceKey("user", "1"), lasting)
	at := e.list(store.Selector{}).Revision
	e.follow(e.s, store.Selector{}, at).close()
	e.settle()
	before := runtime.NumGoroutine()
	for i := range 200 {
		c := e.follow(e.s, store.Selector{}, at)
		if i%10 == 0 {
			c.all()
		}
		c.close()
	}
	e.eventually("as many goroutines as before the watchers", func() bool {
		e.settle()
		return runtime.NumGoroutine() <= before+2
	})
}

// Closing one watcher while events flow disturbs no other.
func watchCloseMiddle(e *env) {
	const n = 100
	start := e.list(store.Selector{}).Revision
	stays := e.follow(e.s, store.Selector{}, start)
	errs := atOnce(2, func(i int) error {
		if i == 0 {
			for k := range n {
				if _, err := e.s.Register(e.ctx, sample(store.InstanceKey("user", fmt.Sprint(k))), store.Grant{TTL: lasting}); err != nil {
					return err
				}
			}
			return nil
		}
		for range 20 {
			w, err := e.s.Watch(e.ctx, store.Selector{}, start)
			if err != nil {
				return err
			}
			c := &cursor{e: e, w: w, last: start}
			if _, err := c.next(e.h.Patience); err != nil {
				return err
			}
			if err := w.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.t.Fatal(err)
	}
	if got := len(stays.all()); got != n {
		e.t.Errorf("the watcher that stayed gave %d events of %d", got, n)
	}
}
