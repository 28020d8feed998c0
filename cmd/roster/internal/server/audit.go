package server

import (
	"fmt"
	"io"
	"net"
	"os"

	"github.com/roster-sd/roster/cmd/roster/internal/logging"
	"github.com/roster-sd/roster/internal/audit"
)

// openAudit opens the audit log where one is configured. A node that is to keep one and
// cannot does not start.
func (s *Server) openAudit() error {
	if s.cfg.Log.Audit == "" {
		return nil
	}
	var stderr io.Writer = os.Stderr
	if s.opts.Stderr != nil {
		stderr = s.opts.Stderr
	}
	l, err := audit.Open(audit.Options{File: s.cfg.Log.Audit, Stderr: stderr, Node: s.node, Guard: logging.Guard, Logger: s.log})
	if err != nil {
		return fmt.Errorf("log.audit: %w", err)
	}
	s.audit = l
	return nil
}

// handshakeRefused is told of each connection that TLS refused.
func (s *Server) handshakeRefused(from, why string) {
	s.metrics.HandshakeRefused()
	s.registry.Audit(audit.Event{Kind: audit.HandshakeRefused, Outcome: audit.Deny, From: hostOf(from), Why: why})
}

// auditConnection is told of each connection that was one too many.
func (s *Server) auditConnection(limit, from string) {
	s.registry.Audit(audit.Event{Kind: audit.RateLimited, Outcome: audit.Deny, From: hostOf(from), Why: "limit of connections: " + limit})
}

// hostOf gives an address without its port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// reloaded is told of each reload of certificates, authorities and revocation list.
func (s *Server) reloaded(err error) {
	s.metrics.Reload(err)
	e := audit.Event{Kind: audit.TLSReloaded}
	if err != nil {
		e.Kind, e.Why = audit.TLSFailed, err.Error()
	}
	s.registry.Audit(e)
}
