package freeport_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/roster-sd/roster/internal/freeport"
)

func TestTake(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		port, err := freeport.Take()
		if err != nil {
			t.Fatal(err)
		}
		if port < 20000 || port >= 32768 {
			t.Errorf("port %d is one that the system may give to a connection", port)
		}
		if seen[port] {
			t.Errorf("port %d is given twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatalf("the port is not free: %v", err)
		}
		defer l.Close()
	}
}
