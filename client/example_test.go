package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// pretend is a registry that answers the same to everyone.
func pretend() *httptest.Server {
	mux := http.NewServeMux()
	answer := func(pattern string, status int, media, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	const instance = `{"serviceName":"orders","instanceId":"orders-1","address":"10.0.0.7","port":3000,"status":"up"}`
	answer("POST /registry/register", 201, "application/json",
		`{"instance":`+instance+`,"token":"secret","ttl":30000,"tokenExpiresAt":1800000000000}`)
	answer("GET /registry/resolve/orders", 200, "application/json", instance)
	answer("POST /registry/heartbeat", 410, "application/problem+json",
		`{"status":410,"code":"lease_lost","reason":"expired","title":"Gone"}`)
	answer("GET /registry/watch", 200, "text/event-stream",
		"id: e.1\nevent: snapshot\ndata: {\"part\":1,\"last\":true,\"instances\":[]}\n\n"+
			"id: e.2\nevent: put\ndata: "+instance+"\n\n")
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

	mine, err := c.Register(ctx, wire.Registration{ServiceName: "orders", Port: 3000}, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("registered", mine.Instance.InstanceID)

	place, err := c.Resolve(ctx, "orders", client.ResolveOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("orders is at %s:%d\n", place.Address, place.Port)
	// Output:
	// registered orders-1
	// orders is at 10.0.0.7:3000
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
	// at first: 0
	// put: orders-1
}
