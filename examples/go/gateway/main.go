// Command gateway passes /auth/… on to auth-service, wherever that is. It takes a free
// port, or PORT.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roster-sd/roster/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatalln("gateway:", err)
	}
}

func run(ctx context.Context) error {
	c, err := client.New(client.Options{}) // ROSTER_ADDRESS, or the registry of this machine
	if err != nil {
		return err
	}
	services := &client.Transport{Client: c}
	defer services.Close()
	auth := &httputil.ReverseProxy{
		Transport: services,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "auth-service"}) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			log.Println(err)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, `{"error":"auth down"}`)
		},
	}
	http.Handle("GET /auth/", http.StripPrefix("/auth", auth))
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Println("gateway on", listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}
