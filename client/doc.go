// Package client is the Go SDK of a Roster registry.
//
// Most programs need four things of it:
//
//   - [New] gives a [Client]. Without options it is of the registry that the environment
//     names, or else of this user's local one, which is started if none runs.
//   - [Client.Register] keeps an instance registered until it is closed: a [Registration].
//   - [Client.Resolver] keeps a view of a service and chooses from it: a [Resolver].
//   - [Transport] lets an [http.Client] ask for http://auth-service/path.
//
// What goes wrong on the way is dealt with: a registry that is away, that has moved to
// another port or has forgotten everything, answers that get lost, addresses that fail.
// What must not be undone by itself is reported and left alone: an instance that somebody
// replaced or removed.
//
// Under these are the bare calls, one method for each call of the API: [Client.RegisterOnce],
// [Client.Heartbeat], [Client.Resolve] and so on, and [Client.Watch], a pull cursor over
// changes. A call knows several addresses of one registry and turns to the next when one is
// out of reach, where that cannot do harm.
//
// Errors are matched with [errors.Is] against the kinds of this package, [ErrNotFound] and
// so on, and carry what the registry said as an [*Error]. Times in answers are Unix
// milliseconds of the registry's clock; compare them with each other, not with the local
// clock.
//
// A Registration and a Resolver have one goroutine each, which their Close waits for. The
// Client itself has none.
package client
