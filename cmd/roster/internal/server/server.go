// Package server wires a node: store, catalog, registry, API and listeners, from the
// configuration to the shutdown. Everything in it can start on port 0 in a test.
package server

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/api/local"
	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/internal/admit"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/internal/limit"
	"github.com/roster-sd/roster/internal/metrics"
	"github.com/roster-sd/roster/internal/patience"
	"github.com/roster-sd/roster/internal/procwatch"
	"github.com/roster-sd/roster/internal/tlsreload"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/instrument"
)

// Options say what to serve.
type Options struct {
	Config config.Config
	// Dev serves one user of this machine: plain HTTP on loopback, the loopback surface
	// beside the native one, everything on one port.
	Dev bool
	// Insecure lets the API be served over plain HTTP: every caller is then anonymous.
	Insecure bool
	// IdleStop ends Run, without an error, after this time without an instance and without
	// a request; 0 is never.
	IdleStop time.Duration
	// noShares is for the measurement of what shares are good for.
	noShares bool
	// checkLoopback lets instances on loopback be checked, for tests.
	checkLoopback bool
	// StateOptional goes on in memory alone where the state file cannot be opened, and warns.
	StateOptional bool

	Version string
	Logger  *slog.Logger
	Stderr  io.Writer // for an audit log on standard error; nil: os.Stderr
	// Started is the configuration as it was loaded, and Reread loads it again: when ConfigFile
	// changes, and at Reload. Without Reread the policy stays what it is.
	Started    *config.Loaded
	Reread     func() (*config.Loaded, error)
	ConfigFile string // empty: none is watched
}

// Server is a node that listens.
type Server struct {
	opts      Options
	cfg       config.Config
	log       *slog.Logger
	node      string
	store     store.Store
	backend   backend
	catalog   *catalog.Catalog
	reads     atomic.Pointer[catalog.Catalog] // the same, for the backend's goroutines
	registry  *registry.Registry
	api       *api.API
	metrics   *metrics.Metrics
	material  *tlsreload.Material // nil for plain HTTP
	audit     *audit.Log          // nil: none is kept
	processes *procwatch.Watcher  // nil where instances may run on other machines
	checks    *checks             // nil: this node does none

	watch       *patience.Watch // keeps the deadlines of all connections
	main, admin net.Listener    // admin is nil where there is no such listener
	gate        *admit.Gate     // of the API
	adminGate   *admit.Gate
	shares      *admit.Shares // nil where no identity is proved
	refusals    sparing       // of connections, in the log
	idle        *idle         // nil: it does not end by itself
	mainServer  *http.Server
	adminServer *http.Server
	stopping    atomic.Bool

	rereading  sync.Mutex     // guards what is below
	loaded     *config.Loaded // as last read
	toldConfig string         // what was last said to be wrong with it
}

// Open checks what can be checked, opens the backend and binds the listeners. Nothing is
// served before Run. What it opened is closed if it fails.
func Open(opts Options) (*Server, error) {
	s := &Server{opts: opts, cfg: opts.Config, log: opts.Logger, node: config.NodeName(opts.Config.Node),
		metrics: metrics.New(opts.Version), watch: patience.NewWatch(), loaded: opts.Started}
	if err := s.loadTLS(); err != nil {
		return nil, err
	}
	authorizer, err := Policy(s.cfg.Auth).Compile()
	if err != nil {
		return nil, err
	}
	if err := s.openAudit(); err != nil {
		return nil, err
	}
	if err := s.openBackend(); err != nil {
		return nil, errors.Join(err, s.audit.Close())
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.wire(authorizer); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// lookupsPerSecond is how often an identity may make the node ask the backend about
// tokens and instances that the node's own view does not know.
const lookupsPerSecond = 200

// wire makes what stands between the store and the listeners.
func (s *Server) wire(authorizer *auth.Authorizer) error {
	reads := catalog.Options{Store: s.store, Encode: api.EncodeInstance, Logger: s.log, Panic: s.cfg.Checks.PanicThreshold}
	if s.store.Capabilities().Shared {
		reads.Boottime, reads.OnPause = lease.Boottime(), func(time.Duration) { s.metrics.Pause() }
	}
	s.catalog = catalog.New(reads)
	s.reads.Store(s.catalog)
	l := s.cfg.Lease
	opts := registry.Options{
		Store:      s.store,
		Catalog:    s.catalog,
		Leases:     lease.Policy{Default: l.DefaultTTL, Min: l.MinTTL, Max: l.MaxTTL},
		Authorizer: authorizer,
		Tokens:     registry.TokenPolicy{TTL: s.cfg.Auth.TokenTTL, Grace: s.cfg.Auth.RotationGrace},
		Node:       s.node,
		Quota:      s.quota(),
		Checks:     s.checkPolicy(),
		Logger:     s.log,
	}
	if s.audit != nil {
		opts.Audit = s.audit.Write
	}
	if !s.opts.Dev {
		opts.Lookups = limit.New(lookupsPerSecond, lookupsPerSecond)
	}
	s.watchProcesses(&opts)
	reg := registry.New(opts)
	s.registry = reg
	if err := s.openChecks(); err != nil {
		return err
	}
	apiOpts := api.Options{
		Registry:   reg,
		Identify:   s.identify,
		Health:     s.health,
		Instrument: s.metrics.Instrument,
		Streaming:  s.boundStream,
		Logger:     s.log,
	}
	s.limitAPI(&apiOpts)
	if s.opts.Dev {
		apiOpts.Metrics = s.metrics.Handler()
		apiOpts.Guard = api.LoopbackGuard(s.Port())
		surface := local.New(local.Options{Registry: reg, Caller: registry.Caller{Identity: localIdentity}, TTL: l.DefaultTTL})
		apiOpts.Surface = &api.Surface{Register: surface.Register, Refuse: local.Refuse}
	}
	s.api = api.New(apiOpts)
	sources := metrics.Sources{Catalog: s.catalog, Registry: reg, Leases: s.backend.leases, Held: s.backend.held, Breaker: s.backend.breaker, StateFile: s.backend.state, Audit: s.audit}
	if s.material != nil {
		sources.CertificateExpiry = s.material.NotAfter
	}
	sources.Connections = s.gate.Open
	if s.checks != nil {
		sources.Checks = s.checks.runner.Status
	}
	handler := s.inTurn(s.certified(s.api.Handler()))
	if s.shares != nil {
		sources.Slowed = s.shares.Bounded
	}
	s.metrics.Follow(sources)
	if s.opts.IdleStop > 0 {
		s.idle = newIdle(s.opts.IdleStop, func() int {
			now := s.catalog.Stats()
			return now.Instances + now.Subscribers // streams are no requests of the server's
		})
		handler = s.idle.wrap(handler)
	}
	s.mainServer = s.httpServer(handler)
	if s.admin != nil {
		s.adminServer = s.httpServer(s.certified(s.adminHandler()))
	}
	return nil
}

// Port is the port that the API listens on.
func (s *Server) Port() int { return s.main.Addr().(*net.TCPAddr).Port }

// Addr is the address that the API listens on.
func (s *Server) Addr() string { return s.main.Addr().String() }

// AdminAddr is the address of the admin listener, empty if there is none.
func (s *Server) AdminAddr() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.Addr().String()
}

// Run serves until the context ends, then shuts down: not ready, streams drained,
// requests answered, within the configured time. It closes the server.
func (s *Server) Run(ctx context.Context) error {
	ctx, unused := context.WithCancel(ctx)
	defer unused()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, work := errgroup.WithContext(work)
	s.registry.Audit(audit.Event{Kind: audit.Start, Why: "version " + s.opts.Version})
	group.Go(func() error { return ended(s.catalog.Run(work)) })
	group.Go(func() error { return ended(s.registry.Run(work)) })
	group.Go(func() error { return ended(s.registry.FollowProcesses(work)) })
	group.Go(func() error { return ended(s.registry.FollowOverrides(work)) })
	group.Go(func() error { return ended(s.watch.Run(work)) })
	group.Go(func() error { return ended(s.checkBackend(work)) })
	checking, stopChecks := untilEither(work, ctx) // what is shutting down leaves the checks to the others
	defer stopChecks()
	group.Go(func() error { return ended(s.runChecks(checking)) })
	if s.material != nil {
		group.Go(func() error { return ended(s.material.Run(work)) })
	}
	if s.shares != nil {
		group.Go(func() error { return ended(s.shares.Run(work)) })
	}
	if s.idle != nil {
		group.Go(func() error { return ended(s.idle.run(work, s.log, unused)) })
	}
	if s.opts.Reread != nil && s.opts.ConfigFile != "" {
		group.Go(func() error { return s.watchConfig(work) })
	}
	group.Go(func() error { return served(s.serveMain()) })
	if s.admin != nil {
		group.Go(func() error { return served(s.serveAdmin()) })
	}
	s.log.Info("serving", "version", s.opts.Version, "node", s.node, "backend", s.store.Capabilities().Backend,
		"address", s.Addr(), "admin", s.AdminAddr(), "tls", s.material != nil, "go", runtime.Version(), "pid", os.Getpid())
	select {
	case <-ctx.Done():
	case <-work.Done(): // something failed; the group has the error
	}
	err := s.shutdown()
	stop()
	err = errors.Join(group.Wait(), err, s.closeProcesses(), s.store.Close())
	s.registry.Audit(audit.Event{Kind: audit.Stop})
	return errors.Join(err, s.audit.Close())
}

func (s *Server) shutdown() error {
	s.log.Info("shutting down", "within", s.cfg.ShutdownTimeout.String())
	s.stopping.Store(true)
	s.api.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	err := s.mainServer.Shutdown(ctx)
	streams := s.api.Wait(ctx)
	if err != nil || streams != nil {
		s.log.Warn("requests were cut off", "error", cmp.Or(err, streams))
		err = s.mainServer.Close()
	}
	if s.adminServer != nil {
		if s.adminServer.Shutdown(ctx) != nil {
			err = errors.Join(err, s.adminServer.Close())
		}
	}
	s.log.Info("stopped")
	return err
}

// Close lets go of a server that was never run.
func (s *Server) Close() error {
	var errs []error
	for _, l := range []net.Listener{s.main, s.admin} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(append(errs, s.closeProcesses(), s.store.Close(), s.audit.Close())...)
}

func (s *Server) health() api.Health {
	h := api.Health{Stopping: s.stopping.Load(), Ready: s.catalog.IsWarm(), Node: s.node, Backend: s.store.Capabilities().Backend}
	if s.backend.held != nil {
		h.Held = s.backend.held()
	}
	if h.Held > 0 {
		h.Degraded = append(h.Degraded, "instances are kept past their deadline, because this process or machine was paused")
	}
	if s.backend.state != nil {
		if _, failing := s.backend.state(); failing {
			h.Degraded = append(h.Degraded, "the state file cannot be written, so that a restart would forget the latest changes")
		}
	}
	if text := s.doubts(); text != "" {
		h.Degraded = append(h.Degraded, text)
	}
	return h
}

func ended(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, store.ErrClosed) {
		return nil
	}
	return err
}

func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// instrumented puts the metrics around the store.
func (s *Server) instrumented(inner store.Store) store.Store {
	return instrument.Wrap(inner, s.metrics.Call)
}

// shared is instrumented for a backend that can be out of reach: calls then fail at once.
func (s *Server) shared(inner store.Store) store.Store {
	b := instrument.Break(s.instrumented(inner))
	s.backend.breaker = b.Open
	return b
}
