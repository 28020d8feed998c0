package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// pretend is a registry that answers the same to everyone.
func pretend() *httptest.Server { return pretendAt("10.0.0.7", "3000") }

// pretendAt is one whose only instance is at an address.
func pretendAt(address, port string) *httptest.Server {
	mux := http.NewServeMux()
	answer := func(pattern string, status int, media, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	instance := `{"serviceName":"orders","instanceId":"orders-1","address":"` + address + `","port":` + port + `,"status":"up","health":"passing"}`
	answer("POST /registry/register", 201, "application/json",
		`{"instance":`+instance+`,"token":"secret","ttl":30000,"tokenExpiresAt":1800000000000}`)
	mux.HandleFunc("PATCH /registry/services/orders/orders-1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(wire.HeaderTold, "true")
		_, _ = io.WriteString(w, instance)
	})
	answer("GET /registry/resolve/orders", 200, "application/json", instance)
	answer("POST /registry/heartbeat", 410, "application/problem+json",
		`{"status":410,"code":"lease_lost","reason":"expired","title":"Gone"}`)
	answer("GET /registry/watch", 200, "text/event-stream",
		"id: e.1\nevent: snapshot\ndata: {\"part\":1,\"last\":true,\"instances\":["+instance+"]}\n\n"+
			"id: e.2\nevent: put\ndata: "+instance+"\n\n")
	answer("DELETE /registry/services/orders/orders-1", 204, "", "")
	return httptest.NewServer(mux)
}

func Example() {
	registry := pretend()
	defer registry.Close()
	ctx := context.Background()

	c, err := client.New(client.Options{Addresses: []string{registry.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	// In the registry until Close, whatever happens to the registry.
	me, err := c.Register(ctx, wire.Registration{ServiceName: "orders", Port: 3000}, client.RegisterOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer me.Close()
	fmt.Println("registered", me.Instance().InstanceID, me.State())

	// Known here, and kept up to date, for many choices.
	orders, err := c.Resolver("orders", client.ResolverOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer orders.Close()
	if err := orders.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}
	place, err := orders.Resolve()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("orders is at", place.Address)
	// Output:
	// registered orders-1 registered
	// orders is at 10.0.0.7:3000
}

// Requests by the name of a service.
func ExampleTransport() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.URL.Path, "of", r.Host)
	}))
	defer service.Close()
	address, port, _ := net.SplitHostPort(service.Listener.Addr().String())
	registry := pretendAt(address, port)
	defer registry.Close()
	c, err := client.New(client.Options{Addresses: []string{registry.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	services := &client.Transport{Client: c}
	defer services.Close()
	resp, err := (&http.Client{Transport: services}).Get("http://orders/today")
	if err != nil {
		fmt.Println(err) // errors.Is(err, client.ErrNoInstance): there is none
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(os.Stdout, resp.Body)
	// Output: /today of orders
}

// A service that stops first has everybody told, and then goes.
func ExampleRegistration_Drain() {
	registry := pretend()
	defer registry.Close()
	c, err := client.New(client.Options{Addresses: []string{registry.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	me, err := c.Register(context.Background(), wire.Registration{ServiceName: "orders", Port: 3000}, client.RegisterOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println("drained:", me.Drain(ctx))
	// Here a server would be shut down: what was sent before is still answered.
	fmt.Println("closed:", me.Close())
	// Output:
	// drained: <nil>
	// closed: <nil>
}

// What a client does about a heartbeat that failed depends on the kind of the error.
func ExampleClient_Heartbeat() {
	registry := pretend()
	defer registry.Close()
	c, err := client.New(client.Options{Addresses: []string{registry.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	ref := wire.InstanceRef{ServiceName: "orders", InstanceID: "orders-1"}
	_, err = c.Heartbeat(context.Background(), ref, "secret")
	var e *client.Error
	switch {
	case errors.Is(err, client.ErrUnavailable):
		fmt.Println("ask again")
	case errors.Is(err, client.ErrLeaseLost) && errors.As(err, &e):
		fmt.Println("gone, because it", e.Reason)
	}
	// Output: gone, because it expired
}

func ExampleClient_Watch() {
	registry := pretend()
	defer registry.Close()
	ctx := context.Background()
	c, err := client.New(client.Options{Addresses: []string{registry.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	w, err := c.Watch(ctx, client.WatchOptions{Services: []string{"orders"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	for range 2 {
		e, err := w.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		switch e.Type {
		case wire.WatchSnapshot:
			fmt.Println("at first:", len(e.Snapshot.Instances))
		case wire.WatchPut:
			fmt.Println("put:", e.Instance.InstanceID)
		case wire.WatchDelete:
			fmt.Println("gone:", e.Deleted.InstanceID, e.Deleted.Reason)
		}
	}
	// Output:
	// at first: 1
	// put: orders-1
}
