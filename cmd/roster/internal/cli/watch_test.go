package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// stream serves the events to a watch, and ends the world's context once all are read.
func stream(t *testing.T, w *world, want string, events ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	w.ctx = ctx
	return handle(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != want {
			t.Errorf("asked for %s, want %s", r.URL.RequestURI(), want)
		}
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, strings.Join(events, ""))
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-w.seen:
			cancel()
		case <-r.Context().Done():
		}
	})
}

func event(name, id, data string) string {
	if id != "" {
		id = "id: " + id + "\n"
	}
	return "event: " + name + "\n" + id + "data: " + data + "\n\n"
}

func inst(id, more string) string {
	return fmt.Sprintf(`{"serviceName":"orders","instanceId":%q,"address":"10.0.0.7","port":3000,"weight":100,`+
		`"health":"passing","ttl":30000,"registeredAt":1,"revision":"r",%s}`, id, more)
}

// failing gives an instance that does not pass its check.
func failing(id, why, node string) string {
	return strings.Replace(inst(id, fmt.Sprintf(`"status":"starting","check":{"type":"tcp"},"verdict":{"why":%q,"node":%q}`, why, node)), "passing", "failing", 1)
}

func changes() []string {
	up := `"status":"up","version":"1"`
	return []string{
		event("snapshot", "", `{"part":1,"last":false,"instances":[`+inst("b", up)+`]}`),
		event("snapshot", "k3.1", `{"part":2,"last":true,"instances":[`+inst("a", up)+`,`+inst("gone", up)+`]}`),
		event("put", "k3.2", inst("a-longer-name", `"status":"starting"`)),
		event("put", "k3.2", failing("a-longer-name", "not checked yet", "")),
		event("put", "k3.2", failing("a-longer-name", "connection refused", "node-1")),
		event("put", "k3.3", inst("a", `"status":"draining","version":"2","metadata":{"team":"red"},"tags":["x"]`)),
		event("put", "k3.3", inst("a", `"status":"draining","version":"2","metadata":{"team":"red"},"tags":["x"]`)),
		event("delete", "k3.4", `{"serviceName":"orders","instanceId":"b","reason":"deregistered","note":"end \u001b[5mof day","actor":"spiffe://example.org/orders"}`),
		event("delete", "k3.4", `{"serviceName":"orders","instanceId":"b","reason":"deregistered"}`),
		event("resync", "", `{}`),
		event("snapshot", "k4.1", `{"part":1,"last":true,"instances":[`+
			inst("a", `"status":"draining","version":"2","metadata":{"team":"red"},"tags":["x"],"registeredAt":2`)+`,`+
			inst("a-longer-name", `"status":"starting"`)+`,`+inst("new", `"status":"up","zone":"eu-1"`)+`]}`),
		event("put", "k4.2", inst("zz-final", up)),
	}
}

func TestWatch(t *testing.T) {
	for name, args := range map[string][]string{
		"watch":      {"watch", "orders", "--env", "prod"},
		"watch-json": {"watch", "orders", "--env", "prod", "-o", "json"},
		"watch-yaml": {"watch", "orders", "--env", "prod", "-o", "yaml"},
	} {
		w := newWorld(t)
		w.seen = make(chan struct{})
		w.until = "zz-final"
		w.at(stream(t, w, "/registry/watch?env=prod&service=orders", changes()...))
		if code := w.run(args...); code != ExitOK {
			t.Errorf("%s: exit status %d, messages %q", name, code, &w.err)
		}
		w.golden(name)
	}
}

func TestWatchColours(t *testing.T) {
	w := newWorld(t)
	w.terminal, w.seen, w.until = true, make(chan struct{}), "a-longer-name"
	w.at(stream(t, w, "/registry/watch", changes()[:3]...))
	if code := w.run("watch"); code != ExitOK || !strings.Contains(w.out.String(), "\x1b[32m+\x1b[0m") {
		t.Errorf("exit status %d, output %q", code, &w.out)
	}
}

func TestWatchRefused(t *testing.T) {
	w := newWorld(t).at(refuse(t, 403, `{"code":"forbidden","detail":"orders is not yours to see"}`))
	if code := w.run("watch", "orders"); code != ExitNotAllowed || !strings.Contains(w.err.String(), "not yours to see") {
		t.Errorf("exit status %d, messages %q", code, &w.err)
	}
	w.at(nobody())
	if code := w.run("watch"); code != ExitUnavailable {
		t.Errorf("exit status %d", code)
	}
}

// A watch goes on when the registry is lost for a while, and says so.
func TestWatchReconnects(t *testing.T) {
	w := newWorld(t)
	w.seen, w.until = make(chan struct{}), "second"
	ctx, cancel := context.WithCancel(w.ctx)
	w.ctx = ctx
	calls := 0
	w.at(handle(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		calls++
		if calls == 1 {
			// It asks for a short back-off, and is gone.
			_, _ = io.WriteString(rw, "retry: 1\n"+event("snapshot", "k3.1", `{"part":1,"last":true,"instances":[]}`))
			return
		}
		if r.Header.Get("Last-Event-ID") != "k3.1" {
			t.Errorf("came back with the position %q", r.Header.Get("Last-Event-ID"))
		}
		_, _ = io.WriteString(rw, event("put", "k3.2", inst("second", `"status":"up"`)))
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-w.seen:
			cancel()
		case <-r.Context().Done():
		}
	}))
	if code := w.run("watch"); code != ExitOK || !strings.Contains(w.err.String(), "the connection was lost") ||
		!strings.Contains(w.err.String(), "trying again in") || !strings.Contains(w.out.String(), "  +  orders  second  ") {
		t.Errorf("exit status %d, output %q, messages %q", code, &w.out, &w.err)
	}
}
