// Listener is the smallest service there is: it accepts connections at PORT on 127.0.0.1 and
// closes them. Rosterbench starts it under roster run, so that what is timed is Roster.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	for err == nil {
		var conn net.Conn
		if conn, err = l.Accept(); err == nil {
			err = conn.Close()
		}
	}
	fmt.Fprintln(os.Stderr, "listener:", err)
	os.Exit(1)
}
