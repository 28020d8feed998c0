package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

var ref = wire.InstanceRef{ServiceName: "orders", InstanceID: "orders-1"}

func alive200(calls *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, `{"ttl":30000}`)
	}
}

func TestFailover(t *testing.T) {
	unavailable := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		problem(w, 503, `{"code":"unavailable","detail":"the backend is out of reach"}`)
	}
	broken := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	heartbeat := func(ctx context.Context, c *Client) error { _, err := c.Heartbeat(ctx, ref, "t"); return err }
	register := func(ctx context.Context, c *Client) error {
		_, err := c.RegisterOnce(ctx, wire.Registration{ServiceName: "orders", Port: 1}, "")
		return err
	}
	registerID := func(ctx context.Context, c *Client) error {
		_, err := c.RegisterOnce(ctx, wire.Registration{ServiceName: "orders", InstanceID: "i", Port: 1}, "")
		return err
	}
	for name, test := range map[string]struct {
		first http.HandlerFunc // nil: nobody listens
		do    func(context.Context, *Client) error
		moves bool
	}{
		"nobody there, heartbeat":                     {nil, heartbeat, true},
		"nobody there, register: it was not sent":     {nil, register, true},
		"503, heartbeat":                              {unavailable, heartbeat, true},
		"503, register with an ID":                    {unavailable, registerID, true},
		"503, register without an ID: outcome known?": {unavailable, register, false},
		"cut off, heartbeat":                          {broken, heartbeat, true},
		"cut off, register without an ID":             {broken, register, false},
		"cut off, register with an ID":                {broken, registerID, true},
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			problem(w, 403, `{"code":"forbidden"}`)
		}, heartbeat, false},
	} {
		t.Run(name, func(t *testing.T) {
			first := dead(t)
			if test.first != nil {
				first = serve(t, test.first)
			}
			var calls atomic.Int32
			c := reach(t, first, serve(t, alive200(&calls)))
			err := test.do(limited(t), c)
			if (err == nil) != test.moves || (calls.Load() == 1) != test.moves {
				t.Fatalf("error %v, %d calls of the second address; moves on: %v", err, calls.Load(), test.moves)
			}
			if !test.moves {
				return
			}
			if err := test.do(limited(t), c); err != nil || c.preferred.Load() != 1 {
				t.Errorf("the address that answered is not asked first: %v, %d", err, c.preferred.Load())
			}
		})
	}
}

func TestEveryAddressFails(t *testing.T) {
	one, two := dead(t), dead(t)
	_, err := reach(t, one, two).Heartbeat(limited(t), ref, "t")
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), one) || !strings.Contains(err.Error(), two) {
		t.Errorf("error %v does not name both addresses as unavailable", err)
	}

	busy := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		problem(w, 503, `{"code":"unavailable"}`)
	})
	_, err = reach(t, busy, one).Heartbeat(limited(t), ref, "t")
	var e *Error
	if !errors.As(err, &e) || e.Status != 503 || e.RetryAfter != 3*time.Second {
		t.Errorf("error %v is not the answer of the address that gave one", err)
	}
}

func TestContext(t *testing.T) {
	arrived := make(chan struct{}, 1)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the client going
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(limited(t))
	go func() { <-arrived; cancel() }()
	_, err := reach(t, url).Heartbeat(ctx, ref, "t")
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
		t.Errorf("cancelled: %v, want the context's error alone", err)
	}

	slow, err := New(Options{Addresses: []string{url}, Timeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_, err = slow.Heartbeat(limited(t), ref, "t")
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1ms") {
		t.Errorf("our own limit: %v, want unavailable and the limit", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"revision":"`+strings.Repeat("x", 5000)+`"}`)
	})
	c, err := New(Options{Addresses: []string{url}, MaxBody: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = c.Services(limited(t), ReadOptions{}); !errors.Is(err, errTooLarge) {
		t.Errorf("error %v, want too large", err)
	}
}

// A redirect must carry a token nowhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var leaked atomic.Int32
	elsewhere := serve(t, alive200(&leaked))
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	_, err := reach(t, url).Heartbeat(limited(t), ref, "secret")
	if err == nil || leaked.Load() != 0 {
		t.Errorf("error %v, %d calls arrived elsewhere", err, leaked.Load())
	}
}

func TestNotTheRegistry(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"text":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"empty": func(http.ResponseWriter, *http.Request) {},
		"array": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") },
	} {
		if _, err := reach(t, serve(t, h)).Heartbeat(limited(t), ref, "t"); err == nil || !strings.Contains(err.Error(), "not in the form") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"results":[]}`) })
	if _, err := reach(t, url).Heartbeats(limited(t), make([]wire.HeartbeatItem, 2)); err == nil {
		t.Error("a batch with fewer results than items was taken")
	}
	url = serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	if h, err := reach(t, url).Health(limited(t)); err == nil {
		t.Errorf("%+v was taken for health", h)
	}
}
