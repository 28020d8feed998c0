package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestDevOnIPv6: where ROSTER_LISTEN names the other address of loopback, that is what is
// announced, written and found.
func TestDevOnIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 on loopback: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.env = append(w.env, "ROSTER_LISTEN=[::1]:0")
	p, url := w.dev()
	if !strings.HasPrefix(url, "http://[::1]:") {
		t.Errorf("the discovery file leads to %s", url)
	}
	eventually(t, "it says where it is", func() bool {
		return strings.HasPrefix(p.out.String(), "Roster is running on "+url+" (")
	})
	if out, stderr, code := w.run("ls"); code != 0 {
		t.Errorf("roster ls: exit status %d, %s%s", code, out, stderr)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if left := w.files(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// renewal is a local registry's files, renewed each hour in a bubble's time.
type renewal struct {
	*testing.T
	lock *devfile.Lock
	path string // where the file is at first
	info devfile.Info
	end  func() string
}

func newRenewal(t *testing.T, dir, first string) renewal {
	t.Helper()
	lock, err := devfile.Acquire(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	r := renewal{T: t, lock: lock, info: devfile.Info{Host: "127.0.0.1", Port: 1, PID: os.Getpid()}}
	if r.path, err = devfile.Write("", r.info); err != nil {
		t.Fatal(err)
	}
	if first != "" {
		first = filepath.Join(dir, first)
		if err := os.Rename(r.path, first); err != nil {
			t.Fatal(err)
		}
		r.path = first
	}
	ctx, cancel := context.WithCancel(t.Context())
	last := make(chan string, 1)
	go func() { last <- renewFiles(ctx, lock, r.path, r.info) }()
	r.end = func() string { cancel(); return <-last }
	return r
}

// hour lets an hour pass.
func (r renewal) hour() {
	time.Sleep(time.Hour)
	synctest.Wait()
}

func (r renewal) found() int {
	r.Helper()
	info, _, err := devfile.Read("")
	if err != nil {
		r.Fatal(err)
	}
	return info.Port
}

// TestRenewFiles: a file that was cleaned up comes back, but not over that of the registry
// which took the place when the lock was cleaned up as well.
func TestRenewFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	synctest.Test(t, func(t *testing.T) {
		r := newRenewal(t, dir, "")
		if err := os.Remove(r.path); err != nil {
			t.Fatal(err)
		}
		r.hour()
		if port := r.found(); port != 1 {
			t.Errorf("the file says port %d", port)
		}
		locks, err := filepath.Glob(filepath.Join(dir, "*.lock"))
		if err != nil || len(locks) != 1 {
			t.Fatalf("locks %v, %v", locks, err)
		}
		if err := os.Remove(locks[0]); err != nil {
			t.Fatal(err)
		}
		next, err := devfile.Acquire(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer next.Close()
		other := r.info
		other.Port = 2
		if _, err := devfile.Write("", other); err != nil {
			t.Fatal(err)
		}
		r.hour()
		if port := r.found(); port != 2 {
			t.Errorf("the file of the next registry was overwritten: port %d", port)
		}
		if last := r.end(); last != r.path {
			t.Errorf("the last path is %s, want %s", last, r.path)
		}
	})
}

// TestRenewFilesElsewhere: where the usual name has become free, the file moves there, and
// that is the one to remove in the end.
func TestRenewFilesElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	synctest.Test(t, func(t *testing.T) {
		r := newRenewal(t, dir, "svc-registry-second.json")
		r.hour()
		if last, want := r.end(), filepath.Join(dir, devfile.Name); last != want {
			t.Errorf("the last path is %s, want %s", last, want)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*.json")); err != nil || len(left) != 1 {
			t.Errorf("files %v, %v", left, err)
		}
	})
}
