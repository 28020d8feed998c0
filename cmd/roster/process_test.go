//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// tenant is a process in which an instance is said to run, and which does nothing.
type tenant struct {
	*exec.Cmd
	reaped bool
}

func newTenant(t testing.TB) *tenant {
	t.Helper()
	p := &tenant{Cmd: exec.Command("sleep", "3600")}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	return p
}

func (p *tenant) pid() int { return p.Process.Pid }

// kill ends the process, which then waits to be collected.
func (p *tenant) kill() { _ = p.Process.Kill() } // fails where it was collected

// end ends it for good: its pid is free afterwards.
func (p *tenant) end() {
	if p.kill(); !p.reaped {
		p.reaped = true
		_ = p.Wait() // the state says how it ended
	}
}

// building is a local registry with instances, and one who watches it.
type building struct {
	t      testing.TB
	c      *client.Client
	url    string
	events *client.Watcher
}

// settle gives a client of the registry at url, and watches it.
func settle(t testing.TB, url string) *building {
	t.Helper()
	c, err := client.New(client.Options{Addresses: []string{url}, Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	events, err := c.Watch(ctx, client.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { events.Close() })
	return &building{t: t, c: c, url: url, events: events}
}

// native registers an instance by the native surface, to live for an hour.
func (b *building) native(id string, pid int) wire.Registered {
	b.t.Helper()
	ttl := time.Hour.Milliseconds()
	ctx, cancel := context.WithTimeout(b.t.Context(), patient)
	defer cancel()
	got, err := b.c.RegisterOnce(ctx, wire.Registration{ServiceName: "native", InstanceID: id, Port: 1, PID: pid, TTL: &ttl}, "")
	if err != nil {
		b.t.Fatal(err)
	}
	seen.token(b.t.Name(), got.Token)
	return got
}

// left gives the next n that leave.
func (b *building) left(n int) map[string]wire.Deleted {
	b.t.Helper()
	out := map[string]wire.Deleted{}
	ctx, cancel := context.WithTimeout(b.t.Context(), patient)
	defer cancel()
	for len(out) < n {
		e, err := b.events.Next(ctx)
		if err != nil {
			b.t.Fatalf("after %d of %d that left: %v", len(out), n, err)
		}
		if e.Deleted != nil {
			out[e.Deleted.InstanceID] = *e.Deleted
		}
	}
	return out
}

func (b *building) listed() []string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patient)
	defer cancel()
	var ids []string
	for _, service := range []string{"local", "native"} {
		got, err := b.c.Service(ctx, service, client.ServiceOptions{})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, in := range got.Instances {
			ids = append(ids, in.InstanceID)
		}
	}
	return ids
}

func localWithPid(t *testing.T, url, id string, pid int) {
	t.Helper()
	var got struct{ OK bool }
	postLocal(t, url+"/register", fmt.Sprintf(`{"name":"local","port":3000,"id":%q,"pid":%d}`, id, pid), &got)
	if !got.OK {
		t.Fatalf("%s was not registered", id)
	}
}

// TestDeadProcess: whatever ran in a process that was killed is gone long before its TTL, on
// both surfaces, and everything else stays.
func TestDeadProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "SVC_TTL=3600000")
	p, url := w.dev("--state", "none")
	dies, lives, was := newTenant(t), newTenant(t), newTenant(t)
	was.end()
	b := settle(t, url)
	gone := b.native("dies", dies.pid())
	b.native("lives", lives.pid())
	b.native("was", was.pid())
	b.native("none", 0)
	localWithPid(t, url, "dies-too", dies.pid())
	localWithPid(t, url, "lives-too", lives.pid())
	// The new holder of an ID is not taken for the old one.
	b.native("taken", dies.pid())
	b.native("taken", lives.pid())

	dies.kill()
	left := b.left(2)
	for _, id := range []string{"dies", "dies-too"} {
		d, note := left[id], fmt.Sprintf("process %d has ended", dies.pid())
		if d.Reason != "process_exited" || d.Note != note {
			t.Errorf("%s left with %+v, want process_exited and %q", id, d, note)
		}
	}
	if got, want := b.listed(), []string{"lives-too", "lives", "none", "taken", "was"}; !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
	// A heartbeat that comes late is told why, and brings nothing back.
	_, err := b.c.Heartbeat(t.Context(), wire.InstanceRef{ServiceName: "native", InstanceID: "dies"}, gone.Token)
	var e *client.Error
	if !errors.As(err, &e) || e.Reason != "process_exited" {
		t.Errorf("a heartbeat afterwards gave %v", err)
	}
	if log := p.err.String(); !strings.Contains(log, `"msg":"process ended, its instance is removed","service":"native","instance":"dies"`) {
		t.Error("the log does not tell of it")
	}
	lives.end()
	b.left(3)
	if got, want := b.listed(), []string{"none", "was"}; !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
}

// TestDeadProcessAcrossARestart: what the state file brings back is judged by the process
// that was meant.
func TestDeadProcessAcrossARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "SVC_TTL=3600000")
	p, url := w.dev()
	dies, lives := newTenant(t), newTenant(t)
	b := settle(t, url)
	b.native("dies", dies.pid())
	b.native("lives", lives.pid())
	b.native("none", 0)
	// Its own process, which a restart ends as well.
	b.native("daemon", p.cmd.Process.Pid)
	eventually(t, "the registrations are on the disk", func() bool {
		text, err := os.ReadFile(w.temp + "/state/roster/dev.state")
		return err == nil && strings.Contains(string(text), `"daemon"`)
	})
	_ = p.cmd.Process.Kill()
	p.wait()
	dies.end()

	_, url = w.dev()
	b = settle(t, url)
	eventually(t, "the dead are gone", func() bool { return slices.Equal(b.listed(), []string{"lives", "none"}) })
	history, err := b.c.Events(t.Context(), client.EventsOptions{Service: "native"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"dies", "daemon"} {
		if !slices.ContainsFunc(history.Events, func(e wire.Event) bool { return e.InstanceID == id && e.Reason == "process_exited" }) {
			t.Errorf("the history does not tell why %s left: %+v", id, history)
		}
	}
	b = settle(t, url) // the stream of before may have the two departures yet to tell
	lives.end()
	if d := b.left(1)["lives"]; d.Reason != "process_exited" {
		t.Errorf("one that lived over the restart left with %+v", d)
	}
}

// BenchmarkDeadProcess measures the time from a kill to when a watcher has been told by the
// real program. The figure for people is in docs/decisions/012-process-watching.md.
func BenchmarkDeadProcess(b *testing.B) {
	w := newWorld(b)
	_, url := w.dev("--state", "none", "--log-level", "warn")
	house := settle(b, url)
	took := make([]time.Duration, 0, b.N)
	for i := range b.N {
		b.StopTimer()
		p := newTenant(b)
		house.native(fmt.Sprint("i-", i), p.pid())
		b.StartTimer()
		began := time.Now()
		p.kill()
		house.left(1)
		took = append(took, time.Since(began))
		b.StopTimer()
		p.end()
		b.StartTimer()
	}
	slices.Sort(took)
	for unit, i := range map[string]int{"p50-ms": b.N / 2, "p99-ms": b.N * 99 / 100, "max-ms": b.N - 1} {
		b.ReportMetric(took[i].Seconds()*1e3, unit)
	}
}
