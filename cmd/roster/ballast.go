package main

import "runtime/debug"

// ballast is address space that counts as live heap and is never touched, so it takes no
// memory. With the collector's percentage below it makes the rule of docs/decisions/020: so much
// garbage may pile up before a collection as 32 MiB and half of what lives.
var ballast []byte

const (
	garbagePercent = 50
	ballastSize    = 32 << 20 * 100 / garbagePercent
)

// ballasted makes the rule, unless the operator has said how the collector is to work.
func ballasted(getenv func(string) string) {
	if getenv("GOGC") == "" && getenv("GOMEMLIMIT") == "" && ballast == nil {
		debug.SetGCPercent(garbagePercent)
		ballast = make([]byte, ballastSize)
	}
}
