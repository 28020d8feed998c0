//go:build unix

package etcdtest

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/freeport"
)

// Options says how a server runs. The zero value is a server with etcd's own defaults.
type Options struct {
	// NoFsync skips fsync, for tests that do not ask what survives a crash of the machine.
	// What a kill of the process leaves is the same with it.
	NoFsync bool
	// Heartbeat and Election are etcd's intervals; the shortest TTL that it grants is one
	// and a half of Election, in whole seconds. Zero: 100 ms and 1 s.
	Heartbeat, Election time.Duration
	// QuotaBytes is the size of the database beyond which writes are refused; zero: 2 GiB.
	QuotaBytes int64
	// CertFile, KeyFile and CAFile turn on TLS for clients, with certificates of their own
	// if CAFile is given. TLS is what this package asks its own questions with.
	CertFile, KeyFile, CAFile string
	TLS                       *tls.Config
	// User and Password are what this package asks its own questions with, once a test
	// has turned on authentication.
	User, Password string
	// Args are further arguments of the server.
	Args []string
}

// startWithin is how long a server may take to its first answer.
const startWithin = 30 * time.Second

// Server is one member of an etcd cluster, most often the only one. Its methods are for
// one goroutine.
type Server struct {
	tb     testing.TB
	opts   Options
	binary string
	name   string
	dir    string
	client int // port
	peer   int // port
	peers  string
	proc   *process
}

// Start runs a server of its own until the test ends, and waits until it answers.
func Start(tb testing.TB, opts Options) *Server {
	tb.Helper()
	s := &Server{tb: tb, opts: opts, binary: Binary(tb), name: "m0", dir: filepath.Join(tb.TempDir(), "data")}
	tb.Cleanup(s.end)
	for try := 0; ; try++ {
		ports, err := freePorts(2)
		if err != nil {
			tb.Fatalf("etcdtest: %v", err)
		}
		s.client, s.peer = ports[0], ports[1]
		s.peers = s.member()
		err = s.launch()
		if err == nil {
			err = s.ready(startWithin)
		}
		if err == nil {
			return s
		}
		if try == 3 { // a port that was free may have been taken by others
			tb.Fatalf("etcdtest: %v", err)
		}
		s.wipe()
	}
}

// Addr is the URL for clients.
func (s *Server) Addr() string {
	scheme := "http"
	if s.opts.CertFile != "" {
		scheme = "https"
	}
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.client)
}

// Host is the host and port for clients, for a proxy in between.
func (s *Server) Host() string { return fmt.Sprintf("127.0.0.1:%d", s.client) }

// Pid is the number of the running process.
func (s *Server) Pid() int { return s.proc.cmd.Process.Pid }

// Kill ends the process as SIGKILL does.
func (s *Server) Kill() { s.proc.kill() }

// Pause stops the process as SIGSTOP does: connections stay open and nothing answers.
func (s *Server) Pause() {
	s.tb.Helper()
	s.mustSignal(syscall.SIGSTOP)
	for end := time.Now().Add(startWithin); !stopped(s.Pid()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.tb.Fatal("etcdtest: the server does not stop")
		}
	}
}

// Resume lets a paused process go on.
func (s *Server) Resume() { s.mustSignal(syscall.SIGCONT) }

// Stop ends the process in order.
func (s *Server) Stop() { s.proc.stop(10 * time.Second) }

// Restart ends the process if it runs and starts it again on the same ports, with its
// data or, for a server without others, as a new and empty one. It waits until it answers.
func (s *Server) Restart(keepData bool) {
	s.tb.Helper()
	s.RestartSoon(keepData)
	if err := s.ready(startWithin); err != nil {
		s.tb.Fatalf("etcdtest: after a restart: %v", err)
	}
}

// RestartSoon is Restart without the wait.
func (s *Server) RestartSoon(keepData bool) {
	s.tb.Helper()
	s.proc.kill()
	if !keepData {
		s.wipe()
	}
	if err := s.launch(); err != nil {
		s.tb.Fatalf("etcdtest: %v", err)
	}
}

// Checkpoint notes all data of a server without others, which it restarts for it. The
// function takes the server back to it, as a backup does that is restored.
func (s *Server) Checkpoint() (rollback func()) {
	s.tb.Helper()
	s.Stop()
	saved := filepath.Join(s.tb.TempDir(), "saved")
	if err := os.CopyFS(saved, os.DirFS(s.dir)); err != nil {
		s.tb.Fatalf("etcdtest: save the data: %v", err)
	}
	s.Restart(true)
	return func() {
		s.tb.Helper()
		s.Kill()
		s.wipe()
		if err := os.CopyFS(s.dir, os.DirFS(saved)); err != nil {
			s.tb.Fatalf("etcdtest: bring back the data: %v", err)
		}
		s.Restart(true)
	}
}

func (s *Server) mustSignal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.proc.signal(sig); err != nil {
		s.tb.Fatalf("etcdtest: %v", err)
	}
}

func (s *Server) wipe() {
	if err := os.RemoveAll(s.dir); err != nil {
		s.tb.Fatalf("etcdtest: remove the data: %v", err)
	}
}

// member is how the server stands in --initial-cluster.
func (s *Server) member() string { return s.name + "=" + s.peerURL() }

func (s *Server) peerURL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.peer) }

func (s *Server) launch() error {
	args := []string{
		"--name", s.name, "--data-dir", s.dir, "--log-level", "error", "--log-outputs", "stderr",
		"--listen-client-urls", s.Addr(), "--advertise-client-urls", s.Addr(),
		"--listen-peer-urls", s.peerURL(), "--initial-advertise-peer-urls", s.peerURL(),
		"--initial-cluster", s.peers, "--initial-cluster-state", "new",
	}
	o := &s.opts
	if o.NoFsync {
		args = append(args, "--unsafe-no-fsync")
	}
	if o.Heartbeat > 0 {
		args = append(args, "--heartbeat-interval", millis(o.Heartbeat))
	}
	if o.Election > 0 {
		args = append(args, "--election-timeout", millis(o.Election))
	}
	if o.QuotaBytes > 0 {
		args = append(args, "--quota-backend-bytes", strconv.FormatInt(o.QuotaBytes, 10))
	}
	if o.CertFile != "" {
		args = append(args, "--cert-file", o.CertFile, "--key-file", o.KeyFile)
	}
	if o.CAFile != "" {
		args = append(args, "--trusted-ca-file", o.CAFile, "--client-cert-auth")
	}
	proc, err := start(s.binary, append(args, o.Args...))
	if err != nil {
		return err
	}
	s.proc = proc
	return nil
}

func (s *Server) end() {
	if s.proc == nil {
		return
	}
	s.proc.kill()
	if s.tb.Failed() {
		s.tb.Logf("etcdtest: the last that %s logged:\n%s", s.name, s.proc.log.tail())
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// freePorts gives ports that nobody listens on at the moment.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		var err error
		if ports[i], err = freeport.Take(); err != nil {
			return nil, err
		}
	}
	return ports, nil
}
