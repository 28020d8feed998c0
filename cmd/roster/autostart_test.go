package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestStartsItself: a command that needs a registry starts one and says so; one that only
// asks or ends starts none.
func TestStartsItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t).mayStart()
	for _, args := range [][]string{{"health"}, {"stop"}, {"__complete", "ls", ""}, {"__complete", "run", "--name", ""}} {
		w.run(args...)
		if info, err := w.find(); err == nil {
			t.Fatalf("roster %v has started process %d", args, info.PID)
		}
	}
	stdout, stderr, code := w.run("register", "orders", "--port", "3000")
	info := w.found()
	if want := fmt.Sprintf("roster: started a local registry on http://%s (roster stop ends it).\n", info.Address()); code != 0 || stderr != want {
		t.Errorf("exit status %d, messages %q, want %q", code, stderr, want)
	}
	if !strings.Contains(stdout, "orders") {
		t.Errorf("output %q", stdout)
	}
	if out, stderr, code := w.run("resolve", "orders"); code != 0 || out != "127.0.0.1:3000\n" || stderr != "" {
		t.Errorf("exit status %d, %q, messages %q", code, out, stderr)
	}
	log, err := os.ReadFile(w.log())
	if err != nil || strings.Count(string(log), `"msg":"serving"`) != 1 {
		t.Errorf("the log: %s, %v", log, err)
	}
	if st, err := os.Stat(w.log()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the log's mode is %v, %v", st.Mode(), err)
	}
	if _, stderr, code := w.run("stop"); code != 0 {
		t.Errorf("stop: exit status %d, messages %q", code, stderr)
	}
	if left := w.files(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// log is where a registry of this world logs that was started in the background.
func (w *world) log() string { return filepath.Join(w.temp, "state", "roster", "dev.log") }

// TestTwentyStartOne: twenty commands at one instant start one registry, and all reach it.
func TestTwentyStartOne(t *testing.T) {
	t.Parallel()
	const n, rounds = 20, 3
	for round := range rounds {
		w := newWorld(t).mayStart()
		if round > 0 { // with what a registry left behind that was killed
			w.run("ls")
			if err := syscall.Kill(w.found().PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		before := strings.Count(w.logged(), `"msg":"serving"`)
		all := make([]*process, n)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range all {
			p := &process{t: t, cmd: w.command("register", "x", "--port", "1", "--id", fmt.Sprint(i)), ended: make(chan struct{})}
			p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
			all[i] = p
			wg.Go(func() { <-start; p.begin() })
		}
		close(start)
		wg.Wait()
		for _, p := range all {
			if code := p.wait(); code != 0 {
				t.Errorf("exit status %d, messages %q", code, &p.err)
			}
		}
		if got := instances(t, "http://"+w.found().Address(), "x"); len(got) != n {
			t.Errorf("the one registry has %d instances, want %d", len(got), n)
		}
		if served := strings.Count(w.logged(), `"msg":"serving"`) - before; served != 1 {
			t.Errorf("%d registries were started:\n%s", served, w.logged())
		}
	}
}

func (w *world) logged() string {
	text, err := os.ReadFile(w.log())
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(text)
}

// TestStartsInspiteOf: whatever holds the discovery file's name, there is a registry after.
func TestStartsInspiteOf(t *testing.T) {
	t.Parallel()
	const form = `{"host":"127.0.0.1","port":%d,"pid":%d,"startedAt":"2026-03-04T05:06:07.089Z"}`
	plant := func(text string) func(t *testing.T, w *world, path string) {
		return func(t *testing.T, _ *world, path string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, prepare := range map[string]func(t *testing.T, w *world, path string){
		"a file of a process that is gone": func(t *testing.T, w *world, path string) {
			gone := exec.Command("true")
			if err := gone.Run(); err != nil {
				t.Fatal(err)
			}
			plant(fmt.Sprintf(form, 1, gone.Process.Pid))(t, w, path)
		},
		"a file of a process that has the number now": plant(fmt.Sprintf(form, 1, os.Getpid())),
		"garbage":       plant("?"),
		"an empty file": plant(""),
		"a file that leads to another process's registry": otherRegistry(form),
		"a dangling link": func(t *testing.T, w *world, path string) {
			if err := os.Symlink(path+".none", path); err != nil {
				t.Fatal(err)
			}
		},
		"another user's file": func(t *testing.T, w *world, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file to another user")
			}
			plant(fmt.Sprintf(form, 1, os.Getpid()))(t, w, path)
			if err := os.Chown(path, 54321, -1); err != nil {
				t.Fatal(err)
			}
		},
		"one that was killed": func(t *testing.T, w *world, _ string) {
			p, _ := w.dev()
			p.signal(syscall.SIGKILL)
			p.wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).mayStart()
			prepare(t, w, filepath.Join(w.temp, devfile.Name))
			if _, stderr, code := w.run("ls"); code != 0 || !strings.Contains(stderr, "started a local registry") {
				t.Fatalf("exit status %d, messages %q", code, stderr)
			}
			if pid, err := devfile.Holder(w.temp); err != nil || pid != w.found().PID {
				t.Errorf("process %d, %v, holds the lock; the registry is %d", pid, err, w.found().PID)
			}
		})
	}
}

// otherRegistry plants a file that names a process that is alive, at the address of a
// registry that is another one.
func otherRegistry(form string) func(t *testing.T, w *world, path string) {
	return func(t *testing.T, _ *world, path string) {
		_, url := newWorld(t).dev()
		var port int
		if _, err := fmt.Sscanf(url, "http://127.0.0.1:%d", &port); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(fmt.Sprintf(form, port, os.Getpid())), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
