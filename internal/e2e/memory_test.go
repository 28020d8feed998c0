//go:build unix

package e2e

import "time"

// inMemory is the backend of one node that is the whole registry.
type inMemory struct{}

func (inMemory) link(int) string     { return "store:\n  backend: memory" }
func (inMemory) late() time.Duration { return time.Second }
