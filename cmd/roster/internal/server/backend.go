package server

import (
	"fmt"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store/memory"
)

// backend is what a node knows of its store beyond the contract; nil fields where the
// backend keeps the leases itself.
type backend struct {
	leases, held func() int
}

// openBackend is the switch that opens a backend.
func (s *Server) openBackend() error {
	switch b := s.cfg.Store.Backend; b {
	case config.Memory:
		m := memory.Open(memory.Options{
			Node:          s.node,
			Boottime:      lease.Boottime(),
			SweepInterval: s.cfg.Lease.SweepInterval,
			Logger:        s.log,
			OnPause:       func(lease.Pause) { s.metrics.Pause() },
		})
		s.store, s.backend = s.instrumented(m), backend{leases: m.Leases, held: m.Held}
		return nil
	default:
		return fmt.Errorf("store.backend: %q is not available in this release; use memory", b)
	}
}
