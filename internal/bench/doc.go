// Package bench measures Roster's HTTP API, on each of its backends.
//
// On memory Roster is compared with a bare Gin server: no middleware, and a fixed body of
// the size that Roster answers. On Redis and etcd a resolve is compared with Roster on
// memory, a heartbeat with the bare server, and a registration with the backend's own
// writes; the harness starts those backends itself, with their data on a disk. Apart from
// that it tells how late evictions are, of many instances that end at once, and how many
// heartbeats a second go through in batches.
//
// All servers run as child processes on loopback and two are driven in turn, in short
// alternating slices, so that whatever else the machine does falls on both. A round is one
// slice of each; ratios are taken within a round, and a round that something else
// disturbed is thrown away and counted. Servers and load share the machine, so the ratio
// of requests a second is also diluted by the cost of the load; the CPU time that the
// server spent on a request is not, and stands beside it.
//
// It measures and reports; it asserts nothing. It reads /proc, and so runs on Linux only.
package bench
