// Command auth-service is a service that others find by its name. It takes a free port, or PORT.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatalln("auth-service:", err)
	}
}

func run(ctx context.Context) error {
	http.HandleFunc("GET /authenticate", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, `{"ok":true}`)
	})
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // ends with Shutdown
	c, err := client.New(client.Options{})           // ROSTER_ADDRESS, or the registry of this machine
	if err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	me, err := c.Register(ctx, wire.Registration{ServiceName: "auth-service", Address: "127.0.0.1", Port: port}, client.RegisterOptions{})
	if err != nil {
		return err
	}
	fmt.Println("auth-service on", port)
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	drained, shut, closed := me.Drain(end), server.Shutdown(end), me.Close()
	log.Println("stopped:", drained, shut, closed, <-served)
	return nil
}
