//go:build race

package server

// racing tells that the race detector watches.
const racing = true
