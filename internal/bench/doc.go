// Package bench measures Roster's HTTP API against a bare Gin server: no middleware, and
// a fixed body of the size that Roster answers.
//
// Both run as child processes on loopback and are driven in turn, in short alternating
// slices, so that whatever else the machine does falls on both. A round is one slice of
// each; ratios are taken within a round, and a round that something else disturbed is
// thrown away and counted. Server and load share the machine, so the ratio of requests
// a second is also diluted by the cost of the load; the CPU time that the server spent
// on a request is not, and stands beside it.
//
// It measures and reports; it asserts nothing. It reads /proc, and so runs on Linux only.
package bench
