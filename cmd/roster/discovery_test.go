package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestDiscoveryFile is the file's life: who may read it, what it says, and that it is gone
// with the process, however that was asked to end.
func TestDiscoveryFile(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(sig) {
				t.Skip("the tests were started under nohup: the signal means nothing to them")
			}
			w := newWorld(t)
			begun := time.Now().Add(-time.Second)
			p, url := w.dev()
			path := filepath.Join(w.temp, devfile.Name)
			st, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if st.Mode() != 0o600 {
				t.Errorf("mode %v, want a regular file of mode 0600", st.Mode())
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			port, _ := got["port"].(float64)
			if got["host"] != "127.0.0.1" || fmt.Sprintf("http://127.0.0.1:%d", int(port)) != url || got["pid"] != float64(p.cmd.Process.Pid) || len(got) != 4 {
				t.Errorf("the file says %s; the process is %d at %s", data, p.cmd.Process.Pid, url)
			}
			started, err := time.Parse("2006-01-02T15:04:05.000Z", fmt.Sprint(got["startedAt"]))
			if err != nil || started.Before(begun) || started.After(time.Now().Add(time.Second)) {
				t.Errorf("startedAt is %v, %v", got["startedAt"], err)
			}

			p.signal(sig)
			if code := p.wait(); code != 0 {
				t.Errorf("exit status %d", code)
			}
			if left := w.files(); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestStartAfterAKill: what a killed process leaves behind stops nobody.
func TestStartAfterAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, firstURL := w.dev()
	first.signal(syscall.SIGKILL)
	first.wait()
	if left := w.files(); len(left) == 0 {
		t.Fatal("the killed process left nothing behind: this test tests nothing")
	}
	second, secondURL := w.dev()
	if firstURL == secondURL {
		t.Errorf("both at %s", firstURL)
	}
	second.signal(syscall.SIGTERM)
	second.wait()
	if left := w.files(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestASecondInterruptEndsAtOnce: the first waits for what is under way.
func TestASecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, url := w.dev()
	hold := slowRequest(t, url)
	p.signal(syscall.SIGINT)
	eventually(t, "it is shutting down", func() bool { return strings.Contains(p.err.String(), "shutting down") })
	if !p.running() {
		t.Fatal("it did not wait for a request under way")
	}
	// The first signal may still be on its way through the program.
	eventually(t, "it has ended", func() bool {
		if p.running() {
			_ = p.cmd.Process.Signal(syscall.SIGINT) // it may have ended just now
		}
		return !p.running()
	})
	if code := p.wait(); code != -1 {
		t.Errorf("exit status %d, want the end by a signal", code)
	}
	hold.Close()
	if _, _, code := w.run("stop"); code != 3 {
		t.Errorf("roster stop: exit status %d, want 3", code)
	}
}

// TestTwentyAtOneInstant: all know the one registry that there then is.
func TestTwentyAtOneInstant(t *testing.T) {
	t.Parallel()
	const n = 20
	w := newWorld(t)
	all := make([]*process, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range all {
		p := &process{t: t, cmd: w.command("dev", "--if-needed", "--log-level", "debug"), ended: make(chan struct{})}
		p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
		all[i] = p
		wg.Go(func() { <-start; p.begin() })
	}
	close(start)
	wg.Wait()
	var daemon *process
	eventually(t, "all but one have ended", func() bool {
		daemon = nil
		alive := 0
		for _, p := range all {
			if p.running() {
				alive++
				daemon = p
			}
		}
		return alive == 1
	})
	info, _, err := devfile.Read(w.temp)
	if err != nil || info.PID != daemon.cmd.Process.Pid {
		t.Fatalf("the discovery file says %+v, %v; the one that runs is %d", info, err, daemon.cmd.Process.Pid)
	}
	for _, p := range all {
		if p == daemon {
			continue
		}
		want := fmt.Sprintf("Roster is running already on http://%s (process %d).\n", info.Address(), info.PID)
		if code := p.wait(); code != 0 || p.out.String() != want || p.err.String() != "" {
			t.Errorf("exit status %d, %q, %q; want %q", code, &p.out, &p.err, want)
		}
	}
	daemon.signal(syscall.SIGTERM)
	if code := daemon.wait(); code != 0 {
		t.Errorf("the daemon's exit status is %d", code)
	}
}

// TestAnotherTakesThePlace: one that waits for a registry that is starting takes its place
// where that one does not come about.
func TestAnotherTakesThePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lock, err := devfile.Acquire(t.Context(), w.temp)
	if err != nil {
		t.Fatal(err)
	}
	p := w.start("dev", "--if-needed", "--log-level", "debug")
	// Long enough that it has met the lock, on most machines; if not, it starts anyway.
	select {
	case <-p.ended:
		t.Fatalf("it has ended: %s", &p.err)
	case <-time.After(300 * time.Millisecond):
	}
	if out := p.out.String(); out != "" {
		t.Errorf("with the lock held by another it says %q", out)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool { return strings.HasPrefix(p.out.String(), "Roster is running on") })
}
