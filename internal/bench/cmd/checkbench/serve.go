//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	grpchealth "google.golang.org/grpc/health"
	health "google.golang.org/grpc/health/grpc_health_v1"
)

type ports struct{ HTTP, GRPC, Silent uint16 }

// serve answers on every address of this machine until its input ends. A line of the input is
// a time for which its parent is to be stopped.
func serve(stdin io.Reader, stdout io.Writer) error {
	var listeners [3]net.Listener
	for i := range listeners {
		l, err := net.Listen("tcp4", "0.0.0.0:0")
		if err != nil {
			return err
		}
		defer l.Close()
		listeners[i] = l
	}
	port := func(i int) int { return listeners[i].Addr().(*net.TCPAddr).Port }
	web := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})}
	calls := grpc.NewServer()
	health.RegisterHealthServer(calls, grpchealth.NewServer())
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { _ = web.Serve(listeners[0]) })
	defer web.Close()
	work.Go(func() { _ = calls.Serve(listeners[1]) })
	defer calls.Stop()
	// The third listener takes connections, by the system, and nothing more.
	if _, err := fmt.Fprintln(stdout, port(0), port(1), port(2)); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		d, err := time.ParseDuration(lines.Text())
		if err != nil {
			return err
		}
		err = syscall.Kill(os.Getppid(), syscall.SIGSTOP)
		time.Sleep(d)
		if err = errors.Join(err, syscall.Kill(os.Getppid(), syscall.SIGCONT)); err != nil {
			return err
		}
	}
	return lines.Err()
}
