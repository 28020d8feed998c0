package audit

import (
	"sync"
	"time"
)

// How many denials of an identity are written within a window; those beyond are counted.
// All that is refused before it has an identity counts as one.
const (
	perWindow = 10
	window    = time.Second
	// maxTracked bounds how many identities are counted apart; the rest share one count.
	maxTracked = 10_000
)

// flood bounds what each identity can make the log write by being refused.
type flood struct {
	most int // within a window; 0: perWindow

	mu sync.Mutex
	of map[string]*refusals
}

// refusals are those of one identity.
type refusals struct {
	begun  time.Time // of the window
	n      int       // in the window
	unsaid uint64    // that were not written, and are yet to be told of
}

// pass tells whether one more denial of an identity is written.
func (f *flood) pass(identity string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = make(map[string]*refusals)
	}
	r := f.of[identity]
	if r == nil && len(f.of) >= maxTracked {
		identity = ""
		r = f.of[identity]
	}
	if r == nil {
		r = &refusals{begun: now}
		f.of[identity] = r
	}
	if now.Sub(r.begun) >= window {
		r.begun, r.n = now, 0
	}
	most := f.most
	if most == 0 {
		most = perWindow
	}
	if r.n++; r.n <= most {
		return true
	}
	r.unsaid++
	return false
}

// sweep gives an event for each identity of which denials were not written, and forgets
// identities whose window is over.
func (f *flood) sweep(now time.Time) []Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Event
	for identity, r := range f.of {
		if r.unsaid > 0 {
			out = append(out, Event{Time: now, Kind: Suppressed, Outcome: Deny, Identity: identity, Count: r.unsaid,
				Why: "too many denials to write each"})
			r.unsaid = 0
		}
		if now.Sub(r.begun) >= window {
			delete(f.of, identity)
		}
	}
	return out
}
