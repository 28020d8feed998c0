package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// idling is an idle registry in a bubble's time.
type idling struct {
	*idle
	ended     time.Duration // when it ended, 0 if it has not
	instances atomic.Int64
	hold      chan struct{} // what requests wait for
	begun     time.Time
}

func startIdle(t *testing.T, after time.Duration) *idling {
	t.Helper()
	x := &idling{hold: make(chan struct{}), begun: time.Now()}
	x.idle = newIdle(after, func() int { return int(x.instances.Load()) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- x.run(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)), func() { x.ended = time.Since(x.begun) })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return x
}

// request makes a request that lasts until hold is closed.
func (x *idling) request() {
	x.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-x.hold })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// end lets time pass until it has ended, and gives when that was.
func (x *idling) end(t *testing.T) time.Duration {
	t.Helper()
	time.Sleep(10 * time.Hour)
	synctest.Wait()
	if x.ended == 0 {
		t.Fatal("it has not ended")
	}
	return x.ended
}

// near tells whether it is as long as that, to within the two looks that it may take to
// see that something is over, and that it is time.
func near(got, want, after time.Duration) bool { return got >= want && got <= want+2*after/looks }

func TestIdle(t *testing.T) {
	const after = 30 * time.Minute
	for name, c := range map[string]struct {
		use  func(x *idling)
		want time.Duration
	}{
		"never used": {func(*idling) {}, after},
		"one request": {func(x *idling) {
			time.Sleep(20 * time.Minute)
			close(x.hold)
			x.request()
		}, 50 * time.Minute},
		"a watch": {func(x *idling) {
			time.AfterFunc(3*time.Hour, func() { close(x.hold) })
			x.request()
		}, 3*time.Hour + after},
		"an instance": {func(x *idling) {
			x.instances.Store(1)
			time.Sleep(5 * time.Hour)
			x.instances.Store(0)
		}, 5*time.Hour + after - after/looks}, // seen at the look before it went, at the latest
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := startIdle(t, after)
				c.use(x)
				if got := x.end(t); !near(got, c.want, after) {
					t.Errorf("it ended after %s, want %s", got, c.want)
				}
			})
		})
	}
}
