//go:build !race

package server

// fewer is by what the numbers of hostile clients are divided.
const fewer = 1
