package server

import (
	"errors"
)

// unavailable refuses what the configuration asks for and this release does not do: to
// take a quota or a rule and not keep it would be worse than not to start. It tells all
// of it at once, in the order of config.yaml.
func (s *Server) unavailable() error {
	var lines []string
	refuse := func(key, want string) { lines = append(lines, key+": "+want) }
	for _, quota := range []struct {
		key string
		n   int
	}{
		{"limits.connections", s.cfg.Limits.Connections},
		{"limits.instances", s.cfg.Limits.Instances},
		{"limits.watchers", s.cfg.Limits.Watchers},
	} {
		if quota.n != 0 {
			refuse(quota.key, "leave it at 0")
		}
	}
	switch len(lines) {
	case 0:
		return nil
	case 1:
		return errors.New("not available in this release: " + lines[0])
	}
	text := "not available in this release:"
	for _, line := range lines {
		text += "\n  " + line
	}
	return errors.New(text)
}
