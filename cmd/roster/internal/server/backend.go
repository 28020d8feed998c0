package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
	"github.com/roster-sd/roster/store/memory"
	"github.com/roster-sd/roster/store/redis"
)

// callTimeout bounds a call to the backend. A write that waits for the view before it
// comes to its last call is still refused within 2 s.
const callTimeout = 1700 * time.Millisecond

// backend is what a node knows of its store beyond the contract; nil fields where the
// backend keeps the leases itself.
type backend struct {
	leases, held func() int
	breaker      func() bool                        // tells whether calls fail at once; nil: there is no breaker
	state        func() (bytes int64, failing bool) // of the state file; nil: there is none
	check        checker                            // nil: there is nothing to check
}

// openBackend is the switch that opens a backend. One that is out of reach is no error:
// the node then starts without, and becomes ready when it is there.
func (s *Server) openBackend() (err error) {
	switch b := s.cfg.Store.Backend; b {
	case config.Memory:
		err = s.openMemory()
	case config.Redis:
		err = s.openRedis(s.cfg.Store.Redis)
	case config.Etcd:
		err = s.openEtcd(s.cfg.Store.Etcd)
	default:
		err = fmt.Errorf("store.backend: no backend %q", b)
	}
	return err
}

func (s *Server) openMemory() error {
	state, err := s.openState(s.cfg.Store.Memory.StateFile)
	if err != nil {
		return err
	}
	m := memory.Open(memory.Options{
		State:         state,
		Node:          s.node,
		Boottime:      lease.Boottime(),
		SweepInterval: s.cfg.Lease.SweepInterval,
		Logger:        s.log,
		OnPause:       func(lease.Pause) { s.metrics.Pause() },
	})
	s.store, s.backend = s.instrumented(m), backend{leases: m.Leases, held: m.Held}
	if state != nil {
		s.backend.state = m.StateFile
	}
	return nil
}

// openState opens the state file, if there is to be one.
func (s *Server) openState(file string) (*memory.State, error) {
	if file == "" {
		return nil, nil
	}
	state, err := memory.OpenState(file, s.log)
	if err == nil {
		return state, nil
	}
	if s.opts.StateOptional {
		s.log.Warn("no state file: a restart forgets every instance", "error", err)
		return nil, nil
	}
	return nil, fmt.Errorf("store.memory.state_file: %w", err)
}

func (s *Server) openRedis(cfg config.RedisStore) error {
	opts := redis.Options{
		Addresses: cfg.Addresses,
		Username:  cfg.Username,
		DB:        cfg.DB,
		Prefix:    cfg.Prefix,
		Node:      s.node,
		Logger:    s.log,

		CallTimeout:   callTimeout,
		OnDisturbance: s.disturbed,
	}
	var err error
	if opts.Password, err = password("store.redis.password_file", cfg.PasswordFile); err != nil {
		return err
	}
	if cfg.TLS.Enabled {
		if opts.TLS, err = backendTLS("store.redis.tls.", cfg.TLS.BackendTLS); err != nil {
			return err
		}
	}
	r, err := redis.Open(opts)
	if err != nil {
		return err
	}
	s.store, s.backend.check = s.shared(r), warnings(r.Check)
	return nil
}

func (s *Server) openEtcd(cfg config.EtcdStore) error {
	opts := etcd.Options{
		Endpoints: cfg.Endpoints,
		Username:  cfg.Username,
		Prefix:    cfg.Prefix,
		Node:      s.node,
		MinTTL:    s.cfg.Lease.MinTTL,
		Logger:    s.log,

		CallTimeout:   callTimeout,
		OnDisturbance: s.disturbed,
	}
	var err error
	if opts.Password, err = password("store.etcd.password_file", cfg.PasswordFile); err != nil {
		return err
	}
	if strings.HasPrefix(cfg.Endpoints[0], "https://") {
		if opts.TLS, err = backendTLS("store.etcd.tls.", cfg.TLS); err != nil {
			return err
		}
	}
	e, err := etcd.Open(opts)
	if err != nil {
		return err
	}
	s.store = s.shared(e)
	s.backend.check = warnings(func(ctx context.Context) ([]etcd.Warning, error) { return e.Check(ctx), nil })
	return nil
}

// disturbed is told by a backend, from its own goroutines, when leases may have ended by
// a fault. Before the catalog is there, nothing is shown that could be held.
func (s *Server) disturbed(d store.Disturbance) {
	if c := s.reads.Load(); c != nil {
		c.Disturbed(d)
	}
}

// password reads a file that holds a password, and perhaps the end of its line.
func password(key, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	p := strings.TrimRight(string(text), "\r\n")
	if p == "" {
		return "", fmt.Errorf("%s: %s is empty", key, file)
	}
	return p, nil
}

// backendTLS reads the files for the connections to a backend; the keys of the
// configuration begin with prefix.
func backendTLS(prefix string, t config.BackendTLS) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	var errs []error
	if t.CAFile != "" {
		cfg.RootCAs = x509.NewCertPool()
		pem, err := os.ReadFile(t.CAFile)
		if err == nil && !cfg.RootCAs.AppendCertsFromPEM(pem) {
			err = fmt.Errorf("%s holds no certificate in PEM", t.CAFile)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%sca_file: %w", prefix, err))
		}
	}
	if t.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			errs = append(errs, fmt.Errorf("%scert_file, key_file: %w", prefix, err))
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, errors.Join(errs...)
}
