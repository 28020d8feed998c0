package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/devfile"
	"github.com/roster-sd/roster/wire"
)

// streamer is a registry that shows one instance, and whose streams end when the test says so.
func streamer(t *testing.T, id string, end <-chan struct{}) string {
	return handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/registry/watch" {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(wire.HeaderStale, "true")
			w.Header().Set(wire.HeaderAge, "1500")
			_, _ = io.WriteString(w, `{"revision":"r","serviceName":"orders","instances":[`+inst(id, `"status":"up","lastHeartbeat":7`)+`]}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("snapshot", "k3.1", `{"part":1,"last":true,"instances":[`+inst(id, `"status":"up"`)+`]}`))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-end:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
		}
	})
}

func discovered(t *testing.T, dir, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devfile.Write(dir, devfile.Info{Host: host, Port: n, PID: os.Getpid(), StartedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// A local registry that was started again listens at another port, and is found there.
func TestFeedFindsTheLocalRegistryAgain(t *testing.T) {
	end := make(chan struct{})
	first, second := streamer(t, "first", end), streamer(t, "second", nil)
	w := newWorld(t)
	discovered(t, w.dir, first)
	c, err := client.New(client.Options{Addresses: []string{first}})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{env: Env{TempDir: w.dir}.filled()}
	f := newFeed(s, c, "", client.Filter{})
	defer f.close()
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error)
	go func() { done <- f.run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	next := func() news {
		t.Helper()
		select {
		case n := <-f.out:
			return n
		case err := <-done:
			t.Fatal(err)
		case <-w.ctx.Done():
			t.Fatal("nothing is told")
		}
		panic("not reached")
	}
	if n := next(); n.event.Snapshot == nil || n.event.Snapshot.Instances[0].InstanceID != "first" {
		t.Fatalf("%+v", n)
	}
	f.look() // it is where it was: nothing happens
	found, fresh, err := f.beats(ctx, []stretch{{"orders", "", 1}, {"orders", "x", 2}})
	if err != nil || len(found) != 2 || found[0].LastHeartbeat != 7 || !fresh.Stale || fresh.Age != 1500*time.Millisecond {
		t.Errorf("%+v, %+v, %v", found, fresh, err)
	}
	close(end)
	for n := next(); ; n = next() {
		if n.event.Snapshot == nil {
			discovered(t, w.dir, second)
			f.look()
			continue
		}
		if n.event.Snapshot.Instances[0].InstanceID == "second" {
			break
		}
	}
	if f.address() != second {
		t.Errorf("at %s, want %s", f.address(), second)
	}
}

// A registry whose address was given is not looked for elsewhere.
func TestFeedOfAGivenAddress(t *testing.T) {
	w := newWorld(t)
	discovered(t, w.dir, "http://127.0.0.1:1")
	c, err := client.New(client.Options{Addresses: []string{nobody()}})
	if err != nil {
		t.Fatal(err)
	}
	f := newFeed(&session{env: Env{TempDir: w.dir}.filled()}, c, "orders", client.Filter{})
	defer f.close()
	if f.look(); f.local {
		t.Error("taken for the local one")
	}
	// Who is not there at first is an error, and not waited for.
	if err := f.run(w.ctx); ExitCode(err) != ExitUnavailable {
		t.Errorf("%v", err)
	}
}

// Without a terminal, and as JSON, a list that keeps up is what watch prints.
func TestLsWatchWithoutATerminal(t *testing.T) {
	for _, c := range []struct {
		args []string
		uri  string
		want string
	}{
		{[]string{"ls", "--watch"}, "/registry/watch", "  +  orders  a-longer-name  "},
		{[]string{"ls", "orders", "-w", "--zone", "eu-1"}, "/registry/watch?service=orders&zone=eu-1", "  +  orders  a-longer-name  "},
		{[]string{"ls", "-w", "--zone", "eu-1", "-o", "json"}, "/registry/watch?zone=eu-1", `{"event":"put","id":"k3.2"`},
	} {
		w := newWorld(t)
		w.seen, w.until = make(chan struct{}), "a-longer-name"
		w.at(stream(t, w, c.uri, changes()[:3]...))
		if code := w.run(c.args...); code != ExitOK || !strings.Contains(w.out.String(), c.want) || strings.Contains(w.out.String(), "\x1b") {
			t.Errorf("%v: exit status %d, output %q, messages %q", c.args, code, &w.out, &w.err)
		}
	}
}
