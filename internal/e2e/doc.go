// Package e2e tests a registry of several nodes from end to end: real `roster serve`
// processes on a real backend, under load, while something breaks. It has no code but its
// tests.
//
// A scenario starts a backend and nodes, puts load on them, breaks something, lets
// everything come to rest, and then has package history compute from what the clients saw
// whether the invariants held. Each prints one line with what was checked and how long
// things took. `go test -v ./internal/e2e` shows them.
//
// | Variable | Meaning |
// |---|---|
// | ROSTER_E2E=long | more load, more rounds, longer, and one scenario at a time; takes half an hour, so give -timeout 1h |
// | ROSTER_E2E_BINARIES=dir | the programs roster and roster-next there are used, and none is built |
// | ROSTER_E2E_RACE=1 | the nodes are built with the race detector |
// | ROSTER_E2E_LOGS=dir | the logs of the nodes are kept there, and the histories of scenarios that failed |
package e2e
