package redistest

import (
	"strings"
	"testing"
	"time"
)

// Replica starts a server that follows this one, and waits until it has everything. It ends
// with the test. A server that never had a replica gets another master_replid by it.
func (s *Server) Replica(tb testing.TB) *Server {
	tb.Helper()
	r := newServer(tb, Options{Password: s.opts.Password, Args: s.replicaAuth()}, tb.TempDir())
	r.of = s
	tb.Cleanup(r.Kill)
	r.start()
	r.InSync()
	return r
}

func (s *Server) replicaAuth() []string {
	if s.opts.Password == "" {
		return nil
	}
	return []string{"--masterauth", s.opts.Password}
}

// InSync waits until a replica has all that its master had when it was called.
func (s *Server) InSync() {
	s.tb.Helper()
	want := s.of.info("master_repl_offset")
	s.until("the replica is in sync", func() bool {
		return s.info("master_link_status") == "up" && number(s.info("slave_repl_offset")) >= number(want)
	})
}

// Detach makes a replica stop hearing its master without being told of it, so that it keeps an
// old state: its master is made unreachable for it alone.
func (s *Server) Detach() {
	s.tb.Helper()
	s.Do("REPLICAOF", "127.0.0.1", "1") // a port on which nobody listens
	s.until("the replica has lost its master", func() bool { return s.info("master_link_status") == "down" })
}

// Promote makes a replica a master.
func (s *Server) Promote() {
	s.tb.Helper()
	s.Do("REPLICAOF", "NO", "ONE")
	s.until("the replica is a master", func() bool { return s.info("role") == "master" })
}

// info gives one value of INFO replication.
func (s *Server) info(name string) string {
	s.tb.Helper()
	text, _ := s.Do("INFO", "replication").(string)
	for line := range strings.Lines(text) {
		if k, v, _ := strings.Cut(strings.TrimSpace(line), ":"); k == name {
			return v
		}
	}
	return ""
}

func number(s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// until polls until ok is true.
func (s *Server) until(what string, ok func() bool) {
	s.tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			s.tb.Fatalf("after 30 s still not: %s", what)
		}
	}
}
