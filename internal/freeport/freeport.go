// Package freeport finds ports for servers that tests and benchmarks start as processes.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports lie below those that Linux, macOS and Windows give out by themselves (from 32768
// and 49152). One that the system chose is free for a moment only: any connection that goes
// out, of whichever test runs beside this one, may be given it before the server starts, and
// again while a server is down that is to come back where it was.
const first, last = 20000, 32767

var (
	mu    sync.Mutex
	given = map[int]bool{}
)

// Take gives a port of 127.0.0.1 on which nobody listens now, and gives it once in a process.
// It is safe for concurrent use.
func Take() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	var err error
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		if given[port] {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			continue
		}
		given[port] = true
		return port, l.Close()
	}
	return 0, errors.Join(errors.New("find a free port: none of a thousand is free"), err)
}
