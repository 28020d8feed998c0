// Package express_test runs the two services of this folder as their reader would.
package express_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/freeport"
	"github.com/roster-sd/roster/internal/nodetest"
)

const (
	root = "../.."
	// patient is how long a test waits for what should be there soon: the machine may be busy.
	patient = 60 * time.Second
	// ttl is how long the registry keeps what is not renewed and whose process it cannot watch.
	ttl = 15 * time.Second
)

// The services are those of the README of the daemon that Roster takes over from, but for
// the name in one import; these are the sums of what stands there.
func TestNothingButTheImportIsChanged(t *testing.T) {
	for name, want := range map[string]string{
		"auth.js":    "19cd7a73677d925040e837f474982a550b0f282a0c25df4c41e57e8eea36d05f",
		"gateway.js": "2dc967a25dd6f93871d7252f522a0e4ad94c1c56463725be9b277f0ea90b83fc",
	} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Replace(text, []byte(`from "roster-registry"`), []byte(`from "micro-svc-registry"`), 1)
		if sum := sha256.Sum256(before); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s differs in more than its import", name)
		}
	}
}

// TestAuthGoesAndComesBack: the gateway finds the auth service by name, answers 503 soon
// after it is killed, and finds it again on another port, with nothing started before and
// nothing told.
func TestAuthGoesAndComesBack(t *testing.T) {
	w := newWorld(t)
	gateway := w.port()
	w.start("gateway.js", "3000", gateway)
	began := time.Now()
	auth := w.start("auth.js", "3001", w.port())
	url := fmt.Sprintf("http://127.0.0.1:%d/auth/authenticate", gateway)

	t.Logf("found after %s, the start of both processes included", w.until(url, http.StatusOK, began))
	if _, body := w.ask(url); body != `{"ok":true}` {
		t.Errorf("the gateway passes on %s", body)
	}

	began = time.Now()
	auth.kill()
	gone := w.until(url, http.StatusServiceUnavailable, began)
	t.Logf("503 after %s", gone) // some 10 ms on a machine that is not busy; the aim is 100 ms
	if gone > ttl/2 {
		t.Errorf("503 came after %s: that is the end of a TTL, and not that of a process", gone)
	}
	if _, body := w.ask(url); body != `{"error":"auth down"}` {
		t.Errorf("the gateway says %s", body)
	}

	began = time.Now()
	w.start("auth.js", "3001", w.port())
	t.Logf("found on another port after %s, the start of the process included", w.until(url, http.StatusOK, began))
}

// world is a user with no registry yet, and the services that run for that user.
type world struct {
	t    *testing.T
	node string
	dir  string
	env  []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, node: nodetest.Require(t)}
	w.dir = nodetest.Install(t, root, ".")
	roster, home := nodetest.Build(t, root), t.TempDir()
	temp := filepath.Join(home, "tmp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	w.env = append(os.Environ(), "ROSTER_BIN="+roster, "TMPDIR="+temp, "HOME="+home, "XDG_STATE_HOME="+filepath.Join(home, "state"))
	t.Cleanup(func() { // last of all: the services would start it again
		cmd := exec.Command(roster, "stop")
		cmd.Env = w.env
		if out, err := cmd.CombinedOutput(); err != nil && !t.Failed() {
			t.Errorf("roster stop: %v\n%s", err, out)
		}
	})
	return w
}

func (w *world) port() int {
	w.t.Helper()
	port, err := freeport.Take()
	if err != nil {
		w.t.Fatal(err)
	}
	return port
}

// start runs a service on a port of its own: of a copy, in which only the number after
// "const PORT =" is another one, so that tests can run beside each other and beside what
// listens on this machine.
func (w *world) start(name, number string, port int) *service {
	w.t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		w.t.Fatal(err)
	}
	line := "const PORT = " + number + ";"
	if strings.Count(string(text), line) != 1 {
		w.t.Fatalf("%s has no %s", name, line)
	}
	copied := filepath.Join(w.dir, fmt.Sprintf("%d-%s", port, name))
	if err := os.WriteFile(copied, []byte(strings.Replace(string(text), line, fmt.Sprintf("const PORT = %d;", port), 1)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	s := &service{t: w.t, cmd: exec.Command(w.node, copied)}
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = w.dir, w.env, &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		s.kill()
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", name, s.out.String())
		}
	})
	return s
}

// until asks until the status comes, and gives how long after began that was.
func (w *world) until(url string, status int, began time.Time) time.Duration {
	w.t.Helper()
	seen := map[int]int{}
	for end := time.Now().Add(patient); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		got, _ := w.ask(url)
		if got == status {
			took := time.Since(began).Round(time.Millisecond)
			w.t.Logf("on the way to %d: %v", status, seen)
			return took
		}
		seen[got]++
	}
	w.t.Fatalf("waited %s for %d, and saw %v (0: nobody listens)", patient, status, seen)
	return 0
}

func (w *world) ask(url string) (status int, body string) {
	w.t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// service is a process of node.
type service struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  bytes.Buffer // read once it has ended
	once sync.Once
}

// kill ends it as a crash would, and waits for its end.
func (s *service) kill() {
	s.once.Do(func() {
		_ = s.cmd.Process.Kill() // fails where it has ended
		_ = s.cmd.Wait()         // that it was killed is no news
	})
}
