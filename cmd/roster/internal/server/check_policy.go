package server

import (
	"net/netip"

	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/registry"
)

// checkPolicy says which checks instances may ask for. On loopback only roster dev looks:
// elsewhere that would be the registry's own machine.
func (s *Server) checkPolicy() registry.CheckPolicy {
	return registry.CheckPolicy{
		Off:         !s.cfg.Checks.Enabled,
		MinInterval: s.cfg.Checks.MinInterval,
		Judge: func(addr netip.Addr, networks []netip.Prefix) error {
			return check.Judge(addr, networks, s.loopbackChecks())
		},
	}
}
