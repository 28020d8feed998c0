// Package client speaks the HTTP API of a Roster registry.
//
// A [Client] has one method for each call of the API. It knows several addresses of one
// registry and turns to the next when one is out of reach, where that cannot do harm.
// [Client.Watch] follows changes as a pull cursor that reconnects by itself.
//
// Errors are matched with [errors.Is] against the kinds of this package, [ErrNotFound]
// and so on, and carry what the registry said as an [*Error]. Times in answers are Unix
// milliseconds of the registry's clock; compare them with each other, not with the
// local clock.
//
// The package keeps nothing alive by itself: it starts no goroutine and renews nothing.
package client
