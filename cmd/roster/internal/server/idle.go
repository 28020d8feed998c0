package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// idle finds out that nobody uses a local registry any more. Use is a request of any kind, a
// question about its health too, for whoever asks is about to use it; a request that is not
// over, as a watch; and an instance. Time in which the machine sleeps does not count, for the
// clock of deadlines stands still then.
type idle struct {
	after     time.Duration
	instances func() int // and watches

	open atomic.Int64 // requests under way
	last atomic.Int64 // the end of the last use that is known, in nanoseconds since begun
	// begun is when it all started, on the monotonic clock.
	begun time.Time
}

func newIdle(after time.Duration, instances func() int) *idle {
	return &idle{after: after, instances: instances, begun: time.Now()}
}

// wrap counts the requests that the handler answers.
func (i *idle) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.open.Add(1)
		defer func() {
			i.used()
			i.open.Add(-1)
		}()
		h.ServeHTTP(w, r)
	})
}

func (i *idle) used() { i.last.Store(int64(time.Since(i.begun))) }

// looks is how often, within the time that it may be idle, it is looked for instances: the
// end of the last one is known as exactly as that.
const looks = 30

// run calls end, once, when nobody has used the registry for the time, and returns then or
// when the context has ended.
func (i *idle) run(ctx context.Context, log *slog.Logger, end func()) error {
	i.used()
	tick := time.NewTicker(max(i.after/looks, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		switch {
		case i.open.Load() > 0 || i.instances() > 0:
			i.used()
		case time.Since(i.begun)-time.Duration(i.last.Load()) >= i.after:
			log.Info("nobody uses this registry any more, ending", "idle", i.after.String())
			end()
			return nil
		}
	}
}
