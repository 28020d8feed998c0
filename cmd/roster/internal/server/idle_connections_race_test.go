//go:build race

package server

// mostConnections is less than 8,128: the race detector ends a process with more goroutines.
const mostConnections = 3_000
