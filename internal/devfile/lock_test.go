//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package devfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

const holderVariable = "DEVFILE_TEST_HOLD"

// TestMain makes this binary, where the variable names a directory, a process that
// holds the lock there until its input ends.
func TestMain(m *testing.M) {
	dir := os.Getenv(holderVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	l, err := Acquire(context.Background(), dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = l.Close()
}

func held(t *testing.T, dir string) bool {
	t.Helper()
	is, err := Held(dir)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	if held(t, dir) {
		t.Error("held by nobody, and yet held")
	}
	for range 2 { // the second round: it can be taken again
		l, err := Acquire(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Acquire(t.Context(), dir); !errors.Is(err, ErrHeld) {
			t.Errorf("a second lock: %v, want held", err)
		}
		if !held(t, dir) {
			t.Error("not held")
		}
		if err := l.Touch(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if held(t, dir) {
			t.Error("held after it was closed")
		}
		if _, err := os.Lstat(lockPath(dir)); err == nil {
			t.Error("the file was left behind")
		}
	}
}

func TestLockOfAProcessThatIsKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderVariable+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	if _, err := Acquire(t.Context(), dir); !errors.Is(err, ErrHeld) {
		t.Errorf("error %v, want held", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that we killed it
	l, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// Of many that start together one wins at a time, also while winners let go.
func TestLockIsOneAtATime(t *testing.T) {
	dir := t.TempDir()
	var holders, wins atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 40 {
				l, err := Acquire(t.Context(), dir)
				if err != nil {
					if !errors.Is(err, ErrHeld) {
						t.Error(err)
					}
					continue
				}
				wins.Add(1)
				if holders.Add(1) != 1 {
					t.Error("two hold the lock")
				}
				for range 20 { // time for another to come in
					runtime.Gosched()
					_ = standsAt(l.file, l.path)
				}
				holders.Add(-1)
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if wins.Load() == 0 {
		t.Error("nobody won")
	}
}

func TestLockThatWasCleanedUp(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(lockPath(dir)); err != nil {
		t.Fatal(err)
	}
	if err := l.Touch(); err == nil {
		t.Error("the loss was not noticed")
	}
	second, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if !held(t, dir) {
		t.Error("closing the first lock let go of the second")
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestLockFileOfSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/hostname", lockPath(dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(t.Context(), dir); !errors.Is(err, ErrUntrusted) {
		t.Errorf("error %v, want untrusted", err)
	}
	if _, err := Acquire(t.Context(), dir+"/none"); err == nil {
		t.Error("locked in a directory that is not there")
	}
}
