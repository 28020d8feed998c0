package client

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/registry"
)

// A registry that was killed is started again on another port, and its own may be taken by
// any program by then. Whatever that one answers, it is not taken for the registry.
func TestLocalRegistryWhosePortIsAnothers(t *testing.T) {
	for name, stranger := range map[string]http.HandlerFunc{
		"agrees to all": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"ok":true}`))
		},
		"shows its page":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<!doctype html>")) },
		"knows nothing":    http.NotFound,
		"lets nobody in":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"is out of order":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"sends them along": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			n := run(t, rigOptions{}, func(*http.Request) (registry.Caller, error) {
				return registry.Caller{Identity: "local", Unverified: true, From: "127.0.0.1"}, nil
			})
			var taken atomic.Bool
			h := &home{at: serve(t, func(w http.ResponseWriter, r *http.Request) {
				if taken.Load() {
					stranger(w, r)
					return
				}
				n.handler.ServeHTTP(w, r)
			})}
			stop := onceStopped(n)
			t.Cleanup(stop) // before the server, which waits for its streams
			c := atHome(t, h)
			in, ttl := orders, int64(2000)
			in.TTL = &ttl
			r, err := c.Register(limited(t), in, RegisterOptions{NoPID: true})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			resolver, err := c.Resolver("orders", ResolverOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer resolver.Close()
			if err := resolver.Ready(limited(t)); err != nil {
				t.Fatal(err)
			}

			taken.Store(true)
			stop()
			h.set("", errStopped)
			if _, err := c.Services(limited(t), ReadOptions{}); err != nil {
				ends(t, err, ErrUnavailable)
			} else {
				t.Error("a stranger's answer is taken for the registry's")
			}
			second, _ := registryAt(t)
			h.set(second, nil)
			direct, ctx := reach(t, second), limited(t)
			for {
				_, err := direct.Instance(ctx, ref1, ReadOptions{})
				if err == nil && !resolver.Stale() {
					break
				}
				if sleep(ctx, ctx, 10*time.Millisecond); ctx.Err() != nil {
					t.Fatalf("in the registry: %v; the registration is %v, %v; the resolver stale: %t, %v",
						err, r.State(), r.Err(), resolver.Stale(), resolver.Err())
				}
			}
		})
	}
}

// onceStopped gives what ends a registry, and may be called more than once.
func onceStopped(n *node) func() {
	var stopped atomic.Bool
	return func() {
		if !stopped.Swap(true) {
			n.stop()
		}
	}
}
