package cli

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roster-sd/roster/internal/devfile"
)

// startDaemon starts a local registry and gives its process, and a channel that closes
// when that has ended.
func startDaemon(t *testing.T, value string) (*os.Process, <-chan struct{}) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), daemonVariable+"="+value)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // how it ended the tests look at otherwise
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	if err != nil || line != "ready\n" {
		t.Fatalf("the daemon says %q, %v", line, err)
	}
	return cmd.Process, ended
}

func TestStop(t *testing.T) {
	w := newWorld(t)
	process, ended := startDaemon(t, w.dir)
	want := fmt.Sprintf("Stopped the local registry at http://127.0.0.1:1 (process %d).\n", process.Pid)
	if code := w.run("stop"); code != ExitOK || w.err.String() != want || w.out.Len() != 0 {
		t.Errorf("exit status %d, messages %q", code, &w.err)
	}
	<-ended
	if code := w.run("stop"); code != ExitNotFound || w.err.String() != "roster: no local registry is running\n" {
		t.Errorf("a second time: exit status %d, messages %q", code, &w.err)
	}
}

func TestStopThatTakesTooLong(t *testing.T) {
	w := newWorld(t)
	process, _ := startDaemon(t, "deaf:"+w.dir)
	code := w.run("stop", "--timeout", "50ms")
	if want := fmt.Sprintf("kill -9 %d", process.Pid); code != ExitError || !strings.Contains(w.err.String(), want) {
		t.Errorf("exit status %d, messages %q", code, &w.err)
	}
}

func TestStopOfAStaleFile(t *testing.T) {
	w := newWorld(t)
	announce(t, w.dir, "http://127.0.0.1:1", deadPID(t))
	if code := w.run("stop"); code != ExitNotFound || !strings.Contains(w.err.String(), "is gone") {
		t.Errorf("exit status %d, messages %q", code, &w.err)
	}
	if _, err := os.Lstat(filepath.Join(w.dir, devfile.Name)); err == nil {
		t.Error("the stale file is still there")
	}
}

// A process that merely has the number in the file must not be touched. It is this one:
// a signal would end the test.
func TestStopDoesNotSignalOthers(t *testing.T) {
	w := newWorld(t)
	for name, address := range map[string]string{
		"nobody listens": nobody(),
		"another registry": handle(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"ok":true,"pid":%d}`, os.Getpid()+1)
		}),
	} {
		announce(t, w.dir, address, os.Getpid())
		if code := w.run("stop"); code != ExitError || !strings.Contains(w.err.String(), "is no registry") {
			t.Errorf("%s: exit status %d, messages %q", name, code, &w.err)
		}
	}
}

// Nor must one whose number stands in a file that a registry left behind, while another
// registry holds the lock and has written none yet.
func TestStopBesideAFileLeftBehind(t *testing.T) {
	w := newWorld(t)
	process, _ := startDaemon(t, w.dir)
	announce(t, w.dir, nobody(), os.Getpid())
	if code := w.run("stop"); code != ExitError || !strings.Contains(w.err.String(), "is no registry") {
		t.Errorf("exit status %d, messages %q", code, &w.err)
	}
	if !devfile.Alive(process.Pid) {
		t.Error("the other registry was ended")
	}
}
