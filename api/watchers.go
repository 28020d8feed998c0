package api

import (
	"time"

	"github.com/roster-sd/roster/registry"
)

// Occupancy bounds how many of something an identity has at a time.
type Occupancy interface {
	// Enter counts one more, which Leave undoes; or gives false, with nothing counted.
	Enter(identity string) bool
	Leave(identity string)
}

// watchRetry is when to ask again whoever has as many watches as it may.
const watchRetry = 5 * time.Second

// follow counts an event stream, or a long poll that waits, until leave is called.
func (a *API) follow(who registry.Caller) (leave func(), err error) {
	if a.opts.Watchers == nil {
		return func() {}, nil
	}
	if !a.opts.Watchers.Enter(who.Identity) {
		return nil, &registry.Error{Code: registry.RateLimited, RetryAfter: watchRetry,
			Detail: "this identity has as many watches and long polls open as it may (limits.watchers): end one first"}
	}
	return func() { a.opts.Watchers.Leave(who.Identity) }, nil
}
