// Package bench loads a running registry and measures what it does: the command
// `roster bench`.
//
// A run registers a fleet of instances, keeps it alive, drives one operation over many
// connections, and takes the fleet away again. Load and server may share a machine, so a
// connection writes requests that are nearly ready-made and reads no more of an answer than
// it must (see [rawclient]). In a closed loop each connection has one request under way.
// With a rate requests have a time at which they should begin, and latency counts from that
// time, also where the load could not begin in time: a server that stops for a second is
// seen by all requests of that second and not by one.
//
// What fails and should not have is counted by its code. An instance that was renewed within
// its TTL and is gone is a false eviction; one that this load itself renewed too late is
// counted apart.
package bench
