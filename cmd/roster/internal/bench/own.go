package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/roster-sd/roster/internal/bench/child"
	"github.com/roster-sd/roster/internal/freeport"
)

// own is a registry that was started for a measurement: on loopback, plain, in memory.
type own struct {
	*child.Child
	dir              string
	address, metrics string
}

func startOwn(ctx context.Context, binary string) (_ *own, err error) {
	o := &own{}
	var ports [2]int
	for i := range ports {
		if ports[i], err = freeport.Take(); err != nil {
			return nil, fmt.Errorf("start a registry: %w", err)
		}
	}
	o.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	admin := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1]))
	o.metrics = "http://" + admin
	if o.dir, err = os.MkdirTemp("", "roster-bench-"); err != nil {
		return nil, fmt.Errorf("start a registry: %w", err)
	}
	o.Child, err = child.Start(o.dir, nil, binary, "serve", "--insecure", "--listen", o.address, "--admin-listen", admin, "--backend", "memory")
	if err == nil {
		err = o.Await(ctx, 5*time.Millisecond, func(ctx context.Context) error {
			_, err := fetch(ctx, http.DefaultClient, "http://"+o.address+"/ready")
			return err
		})
		if err != nil {
			_ = o.Stop() // if it died, err says so
		}
	}
	if err != nil {
		_ = os.RemoveAll(o.dir) // it is a temporary folder
		return nil, fmt.Errorf("start a registry: %w", err)
	}
	return o, nil
}

func (o *own) stop() error {
	defer func() { _ = os.RemoveAll(o.dir) }() // it is a temporary folder
	http.DefaultClient.CloseIdleConnections()
	return o.Stop()
}
