package server

import (
	"github.com/roster-sd/roster/internal/procwatch"
	"github.com/roster-sd/roster/registry"
)

// watchProcesses has the registry watch the processes of its instances: only where all of
// them are of this machine, as those of roster dev are, unless it was given a backend that
// others use too. Anywhere else a pid is another machine's, and says nothing here.
func (s *Server) watchProcesses(opts *registry.Options) {
	if !s.opts.Dev || s.store.Capabilities().Shared {
		return
	}
	s.processes = procwatch.Open(procwatch.Options{})
	opts.Processes = s.processes
}

func (s *Server) closeProcesses() error {
	if s.processes == nil {
		return nil
	}
	return s.processes.Close()
}
