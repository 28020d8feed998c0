package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// How long a watcher waits before it connects again.
const (
	backoffBase = time.Second
	backoffMax  = 20 * time.Second
)

// backoff gives the wait after so many failures in a row: anything up to a bound that
// doubles. The whole width is random, so that the watchers of a node that stopped do
// not arrive at the next one together.
func backoff(failures int, base time.Duration) time.Duration {
	if base <= 0 {
		base = backoffBase
	}
	bound := min(base, backoffMax)
	for i := 1; i < failures && bound < backoffMax; i++ {
		bound = min(2*bound, backoffMax)
	}
	return rand.N(bound) + time.Millisecond
}

// sleep waits, unless a context ends first.
func sleep(ctx, also context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-also.Done():
	}
}
