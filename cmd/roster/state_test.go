//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// stateFile is where the local registry of this world keeps its state.
func (w *world) stateFile() string { return filepath.Join(w.temp, "state", "roster", "dev.state") }

// written waits until the state file has all the texts.
func (w *world) written(texts ...string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("the state file has %q", texts), func() bool {
		content, err := os.ReadFile(w.stateFile())
		for _, text := range texts {
			if err != nil || !strings.Contains(string(content), text) {
				return false
			}
		}
		return true
	})
}

// kill ends a registry as a crash does.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait()
}

func dial(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Addresses: []string{url}, Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func registerNative(t *testing.T, c *client.Client, id string, ttl time.Duration) wire.Registered {
	t.Helper()
	in := wire.Registration{ServiceName: "native", InstanceID: id, Port: 1}
	if ttl != 0 {
		in.TTL = ptr(ttl.Milliseconds())
	}
	got, err := c.RegisterOnce(t.Context(), in, "")
	if err != nil {
		t.Fatal(err)
	}
	seen.token(t.Name(), got.Token)
	return got
}

func ptr[T any](v T) *T { return &v }

// listed gives the IDs of a service's instances.
func listed(t *testing.T, c *client.Client, service string) map[string]bool {
	t.Helper()
	got, err := c.Service(t.Context(), service, client.ServiceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, in := range got.Instances {
		ids[in.InstanceID] = true
	}
	return ids
}

// TestRestartLosesNothingThatLives: after kill -9 the instances are there, their tokens are
// good, who is silent goes with the end of one TTL, and what somebody meant stays so.
func TestRestartLosesNothingThatLives(t *testing.T) {
	t.Parallel()
	const ttl = 6 * time.Second // that of the one that is silent: longer than a restart takes
	w := newWorld(t)
	p, url := w.dev()
	c := dial(t, url)
	stays, silent, removed := registerNative(t, c, "stays", time.Hour), registerNative(t, c, "silent", ttl), registerNative(t, c, "removed", time.Hour)
	ref := func(in wire.Registered) wire.InstanceRef {
		return wire.InstanceRef{ServiceName: in.Instance.ServiceName, InstanceID: in.Instance.InstanceID}
	}
	if err := c.Deregister(t.Context(), ref(removed), removed.Token, "moved"); err != nil {
		t.Fatal(err)
	}
	local := registerLocal(t, url, "local-1")
	w.written(`"stays"`, `"silent"`, `"deregistered"`, `"local-1"`)
	if info, err := os.Stat(w.stateFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state file: %v, %v", info.Mode(), err)
	}
	p.kill()

	p, url = w.dev()
	c = dial(t, url)
	if ids := listed(t, c, "native"); len(ids) != 2 || !ids["stays"] || !ids["silent"] {
		t.Fatalf("after the restart there are %v", ids)
	}
	if !renewLocal(t, url, local) {
		t.Error("the local instance is gone")
	}
	if _, err := c.Heartbeat(t.Context(), ref(stays), stays.Token); err != nil {
		t.Errorf("its old token: %v", err)
	}
	if _, err := c.Heartbeat(t.Context(), ref(stays), silent.Token); !errors.Is(err, client.ErrUnauthenticated) {
		t.Errorf("another's token: %v", err)
	}
	var lost *client.Error
	if _, err := c.Heartbeat(t.Context(), ref(removed), removed.Token); !errors.As(err, &lost) || !errors.Is(err, client.ErrLeaseLost) || lost.Reason != "deregistered" {
		t.Errorf("the one that was removed: %v", err)
	}
	rotated, err := c.RotateToken(t.Context(), ref(stays), stays.Token)
	if err != nil {
		t.Fatal(err)
	}
	seen.token(t.Name(), rotated.Token)
	eventually(t, "the silent one goes", func() bool { return !listed(t, c, "native")["silent"] })
	w.written(`"expired"`)
	p.kill()

	_, url = w.dev()
	c = dial(t, url)
	if ids := listed(t, c, "native"); len(ids) != 1 || !ids["stays"] {
		t.Errorf("after the second restart there are %v", ids)
	}
	if _, err := c.Heartbeat(t.Context(), ref(stays), rotated.Token); err != nil {
		t.Errorf("the token that it was given before: %v", err)
	}
	again, err := c.RegisterOnce(t.Context(), wire.Registration{ServiceName: "native", InstanceID: "removed", Port: 2}, "")
	if err != nil {
		t.Errorf("registering again what was removed: %v", err)
	}
	seen.token(t.Name(), again.Token)
}

// TestNoState: pure memory forgets, and leaves no file.
func TestNoState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, url := w.dev("--state", "none")
	registerNative(t, dial(t, url), "a", time.Hour)
	p.kill()
	_, url = w.dev("--state", "none")
	if ids := listed(t, dial(t, url), "native"); len(ids) != 0 {
		t.Errorf("after the restart there are %v", ids)
	}
	if _, err := os.Stat(filepath.Dir(w.stateFile())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder for state: %v", err)
	}
}

// TestKilledWhileWriting kills a registry again and again while instances come. What a
// restart finds is always the first so many of them: never one without those before it.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := 0
	for round := range 6 {
		p, url := w.dev()
		ids := listed(t, dial(t, url), "native")
		for i := range ids {
			if n, err := strconv.Atoi(i); err != nil || n >= len(ids) {
				t.Fatalf("round %d: of %d instances, one is number %s", round, len(ids), i)
			}
		}
		if len(ids) > next+1 { // one may have been on its way
			t.Fatalf("round %d: %d came back, and %d registered", round, len(ids), next)
		}
		next = len(ids)
		if next > 0 {
			t.Logf("round %d: %d came back", round, next)
		}
		if round > 0 && next == 0 {
			t.Fatal("nothing came back")
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		c := dial(t, url)
		before := next
		reached := make(chan struct{})
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				got, err := c.RegisterOnce(ctx, wire.Registration{ServiceName: "native", InstanceID: strconv.Itoa(next), Port: 1, TTL: ptr(time.Hour.Milliseconds())}, "")
				if err != nil {
					return
				}
				seen.token(t.Name(), got.Token)
				if next++; next == before+50*(round+1) {
					close(reached)
				}
			}
		}()
		select {
		case <-reached:
		case <-ended:
			t.Fatal("registering ended by itself")
		case <-time.After(patient):
			t.Fatal("registering takes too long")
		}
		p.kill()
		stop()
		<-ended
	}
}

// TestStateOfAnother: a second registry of the same user, which TMPDIR can make, goes on
// without the file, and says who has it.
func TestStateOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, url := w.dev()
	registerNative(t, dial(t, url), "a", time.Hour)
	second := newWorld(t)
	second.env = append(second.env, "XDG_STATE_HOME="+filepath.Join(w.temp, "state"))
	p, url := second.dev()
	if ids := listed(t, dial(t, url), "native"); len(ids) != 0 {
		t.Errorf("the second has %v", ids)
	}
	if log := p.err.String(); !strings.Contains(log, "no state file: a restart forgets every instance") ||
		!strings.Contains(log, fmt.Sprintf("in use by another process (%d); stop that one, or name another file", first.cmd.Process.Pid)) {
		t.Errorf("the log is %s", log)
	}
	// Who asks for a file is not given less.
	third := newWorld(t)
	if _, stderr, code := third.run("dev", "--state", w.stateFile()); code != 1 || !strings.Contains(stderr, "in use by another process") {
		t.Errorf("with --state: exit %d, %s", code, stderr)
	}
}
