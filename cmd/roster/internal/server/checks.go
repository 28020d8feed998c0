package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"

	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/check/share"
	"github.com/roster-sd/roster/internal/filewatch"
)

// checks is this node's part of the checks of instances.
type checks struct {
	runner *share.Runner
	prober atomic.Pointer[check.Prober] // with the certificates as they were last read
	told   string                       // what was last said to be wrong with those
}

// openChecks makes what does the checks, unless there are to be none. Files that cannot be used
// are an error at the start.
func (s *Server) openChecks() error {
	if !s.cfg.Checks.Enabled {
		return nil
	}
	s.checks = &checks{}
	if err := s.loadProber(); err != nil {
		return err
	}
	opts := share.Options{
		Catalog: s.catalog,
		Probe: func(ctx context.Context, t check.Target) error {
			return s.checks.prober.Load().Probe(ctx, t)
		},
		Report: s.registry.ReportHealth,
		Networks: func(identity, service string) ([]netip.Prefix, bool) {
			return s.registry.Policy().CheckNetworks(identity, service)
		},
		Observe:    s.metrics.Checked,
		PerAddress: s.cfg.Checks.PerAddress,
		Logger:     s.log,
	}
	if s.store.Capabilities().Shared {
		opts.Seat = share.NewSeat(share.SeatOptions{Store: s.store, Node: s.node, Logger: s.log})
	}
	s.checks.runner = share.New(opts)
	return nil
}

// loadProber reads the certificates for checks.
func (s *Server) loadProber() error {
	opts := check.ProberOptions{AllowLoopback: s.loopbackChecks()}
	cfg := s.cfg.Checks
	var errs []error
	if cfg.CAFile != "" {
		opts.RootCAs = x509.NewCertPool()
		pem, err := os.ReadFile(cfg.CAFile)
		if err == nil && !opts.RootCAs.AppendCertsFromPEM(pem) {
			err = fmt.Errorf("%s holds no certificate in PEM", cfg.CAFile)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("checks.ca_file: %w", err))
		}
	}
	if cfg.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			errs = append(errs, fmt.Errorf("checks.cert_file, checks.key_file: %w", err))
		}
		opts.Certificate = func() *tls.Certificate { return &cert }
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	s.checks.prober.Store(check.NewProber(opts))
	return nil
}

// runChecks does this node's part of the checks until the context ends.
func (s *Server) runChecks(ctx context.Context) error {
	if s.checks == nil {
		return nil
	}
	if s.cfg.Checks.CAFile == "" && s.cfg.Checks.CertFile == "" {
		return s.checks.runner.Run(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		filewatch.Watch{Files: []string{s.cfg.Checks.CAFile, s.cfg.Checks.CertFile, s.cfg.Checks.KeyFile}, Look: s.reloadProber}.Run(ctx)
	}()
	err := s.checks.runner.Run(ctx)
	stop()
	<-watched
	return err
}

// reloadProber takes changed certificates, whole or not at all, and says once what is wrong.
func (s *Server) reloadProber() {
	err := s.loadProber()
	if err == nil {
		s.checks.told = ""
		return
	}
	if text := err.Error(); text != s.checks.told {
		s.checks.told = text
		s.log.Error("checks: the certificates changed and cannot be used; those from before stay", "error", err)
	}
}

// loopbackChecks tells whether instances on this machine's loopback may be checked: where all
// of them are of this machine.
func (s *Server) loopbackChecks() bool { return s.opts.Dev || s.opts.checkLoopback }

// checkStatus tells how the checks stand; false: this node does none.
func (s *Server) checkStatus() (share.Status, bool) {
	if s.checks == nil {
		return share.Status{}, false
	}
	return s.checks.runner.Status(), true
}

// doubts is what readiness says of the checks; empty: nothing.
func (s *Server) doubts() string {
	if s.checks == nil {
		return ""
	}
	doubting, failing, checked := s.checks.runner.Doubts()
	if !doubting {
		return ""
	}
	return fmt.Sprintf("%d of %d instances fail their checks at once, so that this node may be cut off and reports no failure", failing, checked)
}

// untilEither gives a context of work that ends already with another.
func untilEither(work, end context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(work)
	unhook := context.AfterFunc(end, cancel)
	return ctx, func() { unhook(); cancel() }
}
