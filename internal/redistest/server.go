package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/freeport"
)

// Options say how a server is set up. The zero value is a server that keeps nothing on disk.
type Options struct {
	AppendOnly bool   // keep an append-only file, written at each change, so that Restart has all data
	Policy     string // maxmemory-policy
	MaxMemory  string // such as 10mb
	Password   string // of the default user
	Args       []string
}

// Server is a process of redis-server. Its methods are for one goroutine.
type Server struct {
	tb     testing.TB
	binary string
	opts   Options
	folder string
	port   int
	of     *Server // the master of a replica

	process *process
}

// Start gives a server that answers. It ends with the test.
func Start(tb testing.TB, opts Options) *Server {
	tb.Helper()
	s := newServer(tb, opts, tb.TempDir())
	tb.Cleanup(s.Kill)
	s.start()
	return s
}

// find gives the program, or ends the test.
func find(tb testing.TB) string {
	tb.Helper()
	binary, err := exec.LookPath("redis-server")
	if err == nil {
		return binary
	}
	if os.Getenv("CI") != "" {
		tb.Fatalf("no redis-server, which CI must have: %v", err)
	}
	tb.Skipf("no redis-server is installed: %v", err)
	return ""
}

func newServer(tb testing.TB, opts Options, folder string) *Server {
	tb.Helper()
	return &Server{tb: tb, binary: find(tb), opts: opts, folder: folder}
}

// Addr is where the server listens, host:port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Folder is where the server has its data.
func (s *Server) Folder() string { return s.folder }

// start runs the server, on the port that it had, or else on a free one.
func (s *Server) start() {
	s.tb.Helper()
	for try := 0; ; try++ {
		fresh := s.port == 0
		if fresh {
			s.port = freePort(s.tb)
		}
		err := s.run()
		if err == nil {
			return
		}
		if try == 5 {
			s.tb.Fatalf("start redis-server: %v", err)
		}
		if fresh {
			s.port = 0 // somebody else has it now
		}
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	port, err := freeport.Take()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

func (s *Server) args() []string {
	args := []string{
		"--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--dir", s.folder, "--save", "",
		"--daemonize", "no", "--logfile", filepath.Join(s.folder, "log"), "--repl-diskless-sync-delay", "0",
	}
	if s.opts.AppendOnly {
		args = append(args, "--appendonly", "yes", "--appendfsync", "always")
	}
	if s.opts.Policy != "" {
		args = append(args, "--maxmemory-policy", s.opts.Policy)
	}
	if s.opts.MaxMemory != "" {
		args = append(args, "--maxmemory", s.opts.MaxMemory)
	}
	if s.opts.Password != "" {
		args = append(args, "--requirepass", s.opts.Password)
	}
	if s.of != nil {
		host, port, _ := strings.Cut(s.of.Addr(), ":")
		args = append(args, "--replicaof", host, port)
	}
	return append(args, s.opts.Args...)
}

// run starts the process and waits until it answers.
func (s *Server) run() error {
	p, err := spawn(exec.Command(s.binary, s.args()...)) //nolint:gosec // the test says what is run
	if err != nil {
		return err
	}
	s.process = p
	if err := s.ready(); err != nil {
		p.kill()
		log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
		return fmt.Errorf("%w; its log: %s", err, log)
	}
	return nil
}

func (s *Server) ready() error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for {
		err := s.answers()
		if err == nil {
			return nil
		}
		select {
		case <-s.process.ended:
			return errors.New("it ended at once")
		case <-end:
			return fmt.Errorf("it does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// answers sends a PING. One that asks for a password is as good as a PONG.
func (s *Server) answers() error {
	conn, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "+PONG") && !strings.HasPrefix(line, "-NOAUTH") {
		err = errors.New(strings.TrimSpace(line))
	}
	return err
}

// Kill ends the process at once, as a power cut does, and waits for its end.
func (s *Server) Kill() {
	if s.process != nil {
		s.process.kill()
	}
}

// Pause stops the process with SIGSTOP: connections stay, and nothing answers.
func (s *Server) Pause() { s.process.signal(s.tb, syscall.SIGSTOP) }

// Resume lets a stopped process run again.
func (s *Server) Resume() { s.process.signal(s.tb, syscall.SIGCONT) }

// Restart kills the process and starts it again at the same address, with what it has on disk
// or with nothing.
func (s *Server) Restart(keepData bool) {
	s.tb.Helper()
	s.Kill()
	if !keepData {
		for _, old := range []string{"appendonlydir", "dump.rdb"} {
			if err := os.RemoveAll(filepath.Join(s.folder, old)); err != nil {
				s.tb.Fatal(err)
			}
		}
	}
	s.start()
}
