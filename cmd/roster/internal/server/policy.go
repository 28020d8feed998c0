package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/internal/filewatch"
)

// Policy gives the policy of a configuration.
func Policy(cfg config.Auth) auth.Policy {
	p := auth.Policy{Services: cfg.Services}
	for _, r := range cfg.Policies {
		p.Rules = append(p.Rules, auth.Rule{Identity: r.Identity, Register: r.Register, Discover: r.Discover, Admin: r.Admin, CheckNetworks: r.CheckCIDRs})
	}
	return p
}

// live are the keys that take effect while the server runs.
var live = []string{"auth.services", "auth.policies"}

// errNoRules is for a file that has lost its policies. Without rules everyone may do everything
// but administer, and a file that is empty for the moment in which it is written looks just so.
var errNoRules = errors.New("auth.policies has no rules any more, which would let every identity in; restart to do without rules")

// watchConfig takes changes of the policy into force when the configuration file changes.
func (s *Server) watchConfig(ctx context.Context) error {
	filewatch.Watch{
		Files: []string{s.opts.ConfigFile},
		Look:  s.rereadConfig,
		Blind: func(err error) {
			s.log.Warn("the configuration file cannot be watched and is only polled", "error", err, "every", filewatch.PollEvery.String())
		},
	}.Run(ctx)
	return nil
}

// rereadConfig reads the configuration and takes its policy into force, whole or not at all.
// What is wrong with it, and what of it has to wait for a restart, is told once.
func (s *Server) rereadConfig() {
	s.rereading.Lock()
	defer s.rereading.Unlock()
	loaded, err := s.opts.Reread()
	var authorizer *auth.Authorizer
	if err == nil && len(loaded.Config.Auth.Policies) == 0 && len(s.loaded.Config.Auth.Policies) > 0 {
		err = errNoRules
	}
	if err == nil {
		authorizer, err = Policy(loaded.Config.Auth).Compile()
	}
	if err != nil {
		if text := err.Error(); text != s.toldConfig {
			s.toldConfig = text
			s.log.Error("the configuration changed and cannot be used; the policy stays as it was", "error", err)
			s.registry.Audit(audit.Event{Kind: audit.PolicyFailed, Why: text})
		}
		return
	}
	changed := s.loaded.Diff(loaded)
	s.loaded, s.toldConfig = loaded, ""
	if slices.ContainsFunc(changed, func(key string) bool { return slices.Contains(live, key) }) {
		s.registry.SetPolicy(authorizer)
		s.log.Info("policy reloaded", "services", len(loaded.Config.Auth.Services), "rules", len(loaded.Config.Auth.Policies))
		s.registry.Audit(audit.Event{Kind: audit.PolicyReloaded,
			Why: fmt.Sprintf("%d patterns of services, %d rules", len(loaded.Config.Auth.Services), len(loaded.Config.Auth.Policies))})
	}
	if wait := slices.DeleteFunc(changed, func(key string) bool { return slices.Contains(live, key) }); len(wait) > 0 {
		s.log.Warn("the configuration changed, and these keys take effect at the next start", "keys", strings.Join(wait, ", "))
	}
}
