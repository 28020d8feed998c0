package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/admit"
	"github.com/roster-sd/roster/internal/tlsreload"
)

// loadTLS reads the certificates of a node that is to have some.
func (s *Server) loadTLS() error {
	if s.opts.Dev || s.opts.Insecure {
		return nil
	}
	t := s.cfg.TLS
	missing := missingFiles(t.CertFile, t.KeyFile, t.ClientCAFile)
	if len(missing) > 0 {
		return fmt.Errorf(`no certificate: %s

Make a CA, a server certificate and a client's with two commands:
  roster pki init
  roster pki issue my-service
then start again. "roster dev" needs none of this: it is for one developer on one machine.
Plain HTTP, where everyone who reaches the port may register anything, must be asked for with --insecure`,
			strings.Join(missing, ", "))
	}
	sources := make([]auth.Source, len(s.cfg.Auth.Identity))
	for i, name := range s.cfg.Auth.Identity {
		sources[i] = auth.Source(name)
	}
	var err error
	s.material, err = tlsreload.Load(tlsreload.Files{
		CertFile: t.CertFile, KeyFile: t.KeyFile, ClientCAFile: t.ClientCAFile, CRLFile: t.CRLFile,
		MinVersion: t.MinVersion, Identity: sources,
	})
	if err != nil {
		return err
	}
	s.material.Log, s.material.OnReload = s.log, s.reloaded
	return nil
}

func missingFiles(names ...string) []string {
	var missing []string
	for i, name := range names {
		key := [...]string{"tls.cert_file", "tls.key_file", "tls.client_ca_file"}[i]
		if name == "" {
			missing = append(missing, key+" is not set")
		} else if _, err := os.Stat(name); os.IsNotExist(err) {
			missing = append(missing, key+" "+name+" is not there")
		}
	}
	return missing
}

func (s *Server) listen() error {
	host, _, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.material == nil && s.cfg.Limits.Connections > 0 {
		return errors.New("limits.connections: connections are counted by the identity of their certificate, and plain HTTP has none: " +
			"leave it at 0, or set limits.address_connections")
	}
	if s.opts.Dev && !isLoopback(host) {
		return fmt.Errorf("listen: roster dev serves this machine only, not %q: use roster serve", s.cfg.Listen)
	}
	if s.main, err = bind("listen", s.cfg.Listen); err != nil {
		return err
	}
	s.openGates()
	s.main = s.gate.Listener(s.watch.Listener(s.main))
	if s.opts.Insecure {
		s.log.Warn("plain HTTP: everyone who reaches the port may register and discover anything", "address", s.Addr())
	}
	if s.cfg.Admin.Listen == "" {
		return nil
	}
	if s.admin, err = bind("admin.listen", s.cfg.Admin.Listen); err != nil {
		return err
	}
	s.admin = s.adminGate.Listener(s.watch.Listener(s.admin))
	if s.material == nil && !s.cfg.Admin.Plain && !s.adminLoopback() {
		return fmt.Errorf("admin.listen: %s is off loopback and there is no certificate: set admin.plain, or listen on 127.0.0.1", s.cfg.Admin.Listen)
	}
	return nil
}

// ErrInUse: another program listens there.
var ErrInUse = errors.New("is in use by another program")

// bind listens at the address that the key of the configuration gives.
func bind(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s %w", key, address, ErrInUse)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return l, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (s *Server) adminLoopback() bool { return s.admin.Addr().(*net.TCPAddr).IP.IsLoopback() }

// The limits of every connection, to within [patience.Tolerance].
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second // of a whole request; streams and long polls lift it
	writeTimeout      = 30 * time.Second // of an answer, from the end of the request's headers
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	maxStreams        = 100 // of one HTTP/2 connection
)

// httpServer makes a server with limits everywhere. A stream and a long list give every write
// a deadline of their own, and a long poll lifts that of its request while it waits.
func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout, // bounds the TLS handshake too
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ConnContext:       remember,
		ErrorLog:          newErrorLog(s.log, s.handshakeRefused),
	}
}

func (s *Server) serveMain() error {
	if s.material == nil {
		return s.mainServer.Serve(s.main)
	}
	return serveTLS(s.mainServer, s.main, s.counted(s.material.ServerConfig()))
}

func (s *Server) serveAdmin() error {
	if s.adminLoopback() || s.cfg.Admin.Plain {
		return s.adminServer.Serve(s.admin)
	}
	return serveTLS(s.adminServer, s.admin, s.material.ServerConfig())
}

func serveTLS(srv *http.Server, l net.Listener, cfg *tls.Config) error {
	srv.TLSConfig = cfg
	return srv.ServeTLS(l, "", "")
}

// adminHandler serves metrics, health and readiness, and, on loopback only, profiles.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.Handle("GET /health", s.api.Handler())
	mux.Handle("GET /ready", s.api.Handler())
	if !s.adminLoopback() {
		return mux
	}
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	// A forwarded port has another number, so only the name of the host is looked at.
	guard := api.LoopbackGuard(api.AnyPort)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code, detail := guard(r); code != "" {
			http.Error(w, detail, http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type connKey struct{}

// remember gives every connection a place for what is found out about it once.
func remember(ctx context.Context, c net.Conn) context.Context {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		host = c.RemoteAddr().String()
	}
	return context.WithValue(ctx, connKey{}, &conn{from: host, admitted: admit.Of(c)})
}

// Reload reads certificates, CA, CRL and the policy again; a bad file keeps what was there,
// and the log says so. It opens the audit log anew.
func (s *Server) Reload() {
	s.audit.Reopen()
	if s.opts.Reread != nil {
		s.rereadConfig()
	}
	if s.material == nil {
		return
	}
	if err := s.material.Reload(); err != nil {
		s.log.Error("reload failed, the old certificates stay", "error", err)
		return
	}
	s.log.Info("TLS files read again", "certificate_expires", s.material.NotAfter())
}
