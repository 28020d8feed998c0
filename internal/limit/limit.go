// Package limit bounds how often an identity may do something.
package limit

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxIdentities bounds how many identities are remembered. Beyond it those that have
// been quiet are forgotten, which can only be in their favour.
const maxIdentities = 100_000

// Rate is a token bucket for each identity. Its methods may be called concurrently.
type Rate struct {
	perSecond rate.Limit
	burst     int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// New allows each identity perSecond in the long run, and burst at once.
func New(perSecond float64, burst int) *Rate {
	return &Rate{perSecond: rate.Limit(perSecond), burst: max(1, burst), buckets: make(map[string]*rate.Limiter)}
}

// Allow takes one from the identity's bucket. It gives 0, or, with nothing taken, how
// long to wait.
func (r *Rate) Allow(identity string) time.Duration {
	b := r.bucket(identity)
	if b.Allow() {
		return 0
	}
	return max(time.Nanosecond, r.missing(b))
}

// missing is how long it takes until the bucket has one.
func (r *Rate) missing(b *rate.Limiter) time.Duration {
	missing := 1 - b.Tokens()
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(r.perSecond) * float64(time.Second)))
}

// Wait gives what Allow would, and takes nothing.
func (r *Rate) Wait(identity string) time.Duration {
	return r.missing(r.bucket(identity))
}

func (r *Rate) bucket(identity string) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.buckets[identity]
	if !ok {
		if len(r.buckets) >= maxIdentities {
			r.forget()
		}
		b = rate.NewLimiter(r.perSecond, r.burst)
		r.buckets[identity] = b
	}
	return b
}

// forget drops the buckets that are full, as new ones are; if there are none, all.
func (r *Rate) forget() {
	for identity, b := range r.buckets {
		if b.Tokens() >= float64(r.burst) {
			delete(r.buckets, identity)
		}
	}
	if len(r.buckets) >= maxIdentities {
		clear(r.buckets)
	}
}
