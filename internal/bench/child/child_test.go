package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or is a parent that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == parentOnly {
		fmt.Fprintln(os.Stderr, parentMain())
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// shell starts a script as a child.
func shell(t *testing.T, script string) *Child {
	t.Helper()
	c, err := Start(t.TempDir(), nil, "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStop(t *testing.T) {
	c := shell(t, "exec tail -f /dev/null")
	if err := c.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	select {
	case <-c.exited:
	default:
		t.Error("not ended after Stop")
	}
}

func TestAChildThatDiedIsToldWithItsLog(t *testing.T) {
	c := shell(t, "echo one >&2; echo the reason >&2; exit 3")
	err := c.Await(t.Context(), time.Millisecond, func(context.Context) error { return errors.New("no answer") })
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("await: %v", err)
	}
	if err := c.Stop(); err == nil {
		t.Error("stop of a child that died gave no error")
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	c := shell(t, "exec tail -f /dev/null")
	defer c.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	silent := errors.New("no answer")
	asked := 0
	err := c.Await(ctx, time.Microsecond, func(context.Context) error {
		if asked++; asked == 3 {
			cancel()
		}
		return silent
	})
	if !errors.Is(err, silent) || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

func TestStartOfNoBinary(t *testing.T) {
	if _, err := Start(t.TempDir(), nil, "/nonexistent/roster"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestChildrenKeepAwayFromTheUser(t *testing.T) {
	t.Setenv("ROSTER_LISTEN", ":1")
	t.Setenv("GOGC", "400")
	env := environment("/tmp/x")
	for _, want := range []string{"HOME=/tmp/x", "TMPDIR=/tmp/x", "XDG_STATE_HOME=/tmp/x", "GOGC=400"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %v", want, env)
		}
	}
	if slices.ContainsFunc(env, func(s string) bool { return strings.HasPrefix(s, "ROSTER_") }) {
		t.Errorf("the user's configuration in %v", env)
	}
}

func TestTailIsShort(t *testing.T) {
	c := &Child{log: t.TempDir() + "/log"}
	if got := c.Tail(); got != "" {
		t.Errorf("no log: %q", got)
	}
	if err := os.WriteFile(c.log, []byte(strings.Repeat("line\n", 100)+"last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.Tail(); strings.Count(got, "\n") != 8 || !strings.HasSuffix(got, "last") {
		t.Errorf("tail %q", got)
	}
}

// A child of a process that is killed does not live on.
func TestChildrenDieWithTheirParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, parentOnly)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	_, scanned := fmt.Fscan(out, &child)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if scanned != nil {
		t.Fatal(scanned)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(child), "stat"))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return // gone, or waiting to be waited for by whoever took it over
		}
		if time.Now().After(end) {
			t.Fatalf("process %d lives on: %s", child, stat)
		}
	}
}

// parentOnly makes the test binary a process that starts a child and tells its ID.
const parentOnly = "parent"

func parentMain() error {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := Start(dir, nil, "/bin/sh", "-c", "exec tail -f /dev/null")
	if err != nil {
		return err
	}
	os.RemoveAll(dir) // nobody will do it later
	fmt.Println(c.PID())
	<-c.exited
	return c.Err()
}
