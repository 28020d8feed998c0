//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patient is how long a test waits for what should be there soon: the machine may be busy.
const patient = 30 * time.Second

// node is a `roster serve`, which may be ended and started again at the same address.
type node struct {
	t       testing.TB
	index   int
	program string
	dir     string
	secure  bool
	store   string // the section of the configuration
	addr    string // of the API, host:port; known after the first start
	admin   string
	log     transcript // of all its lives
	process *process
}

func newNode(t testing.TB, index int, program, store string, secure bool) *node {
	n := &node{t: t, index: index, program: program, dir: t.TempDir(), secure: secure, store: store,
		addr: "127.0.0.1:0", admin: "127.0.0.1:0"}
	t.Cleanup(n.tell)
	return n
}

// config writes the configuration.
func (n *node) config() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "node: node-%d\nlisten: %q\nadmin:\n  listen: %q\nshutdown_timeout: 2s\n", n.index, n.addr, n.admin)
	fmt.Fprintf(&b, "lease:\n  min_ttl: 1s\nlog:\n  level: info\n  format: json\n%s\n", n.store)
	if n.secure {
		dir := must(n.t, certificates)
		fmt.Fprintf(&b, "tls:\n  cert_file: %s/server.crt\n  key_file: %s/server-key.pem\n  client_ca_file: %s/ca.crt\n", dir, dir, dir)
	}
	file := filepath.Join(n.dir, "config.yaml")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		n.t.Fatal(err)
	}
	return file
}

// start starts the node and waits until it listens, not until it is ready.
func (n *node) start() {
	n.t.Helper()
	args := []string{"serve", "--config", n.config()}
	if !n.secure {
		args = append(args, "--insecure")
	}
	before := len(n.log.String())
	n.process = start(n.t, n.dir, &n.log, n.program, args...)
	eventually(n.t, fmt.Sprintf("node %d listens", n.index), func() bool {
		if !n.process.running() {
			n.t.Fatalf("node %d has ended", n.index)
		}
		for line := range strings.Lines(n.log.String()[before:]) {
			var said struct{ Msg, Address, Admin string }
			if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "serving" {
				n.addr, n.admin = said.Address, said.Admin
				return true
			}
		}
		return false
	})
}

// ready waits until the node says that it is.
func (n *node) ready() {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("node %d is ready", n.index), func() bool {
		if !n.process.running() {
			n.t.Fatalf("node %d has ended", n.index)
		}
		status, _ := n.ask("/ready")
		return status == http.StatusOK
	})
}

func (n *node) kill()   { n.process.kill() }
func (n *node) pause()  { n.process.signal(syscall.SIGSTOP) }
func (n *node) resume() { n.process.signal(syscall.SIGCONT) }

// single makes calls that leave no connection behind.
var single = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}

// ask reads a page of the admin listener; 0 where nobody answers.
func (n *node) ask(path string) (status int, body string) {
	resp, err := single.Get("http://" + n.admin + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// tell looks, when the test is over, at what the node wrote.
func (n *node) tell() {
	text := n.log.String()
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if strings.Contains(text, bad) {
			n.t.Errorf("node %d wrote %q", n.index, bad)
		}
	}
	if dir := os.Getenv("ROSTER_E2E_LOGS"); dir != "" {
		name := fmt.Sprintf("%s-node-%d.log", fileName(n.t), n.index)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			n.t.Error(err)
		}
	}
	if !n.t.Failed() {
		return
	}
	// What it says of single instances is in the history, and would hide the rest.
	var rest []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, `"level":"INFO"`) || !strings.Contains(line, `"instance":`) {
			rest = append(rest, line)
		}
	}
	n.t.Logf("the log of node %d, without what it says of single instances:\n%s", n.index, strings.Join(rest[max(0, len(rest)-60):], ""))
}

// eventually asks again and again until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(patient)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patient, what)
		}
		<-tick.C
	}
}

// fileName makes the name of a test that of a file.
func fileName(t testing.TB) string { return strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()) }
