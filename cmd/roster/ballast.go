package main

// ballast is address space that counts as live heap and is never touched, so it takes no
// memory. With the small heap of a small registry the garbage collector would otherwise
// run dozens of times a second under load: see docs/decisions/008.
var ballast []byte

const ballastSize = 32 << 20

// ballasted takes the ballast, unless the operator has said how the collector is to work.
func ballasted(getenv func(string) string) {
	if getenv("GOGC") == "" && getenv("GOMEMLIMIT") == "" && ballast == nil {
		ballast = make([]byte, ballastSize)
	}
}
