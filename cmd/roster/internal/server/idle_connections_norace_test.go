//go:build !race

package server

const mostConnections = 10_000
