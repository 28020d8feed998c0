package main

import (
	"context"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/cmd/roster/internal/cli"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/cmd/roster/internal/server"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// policyOf gives what decides by the policy of a configuration file, as a registry that was
// started with it would.
func policyOf(file string) (cli.Decide, error) {
	loaded, err := config.Load(config.Options{File: file})
	if err != nil {
		return nil, err
	}
	if err := loaded.Validate(); err != nil {
		return nil, err
	}
	authorizer, err := server.Policy(loaded.Config.Auth).Compile()
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, q wire.PolicyQuestion) (wire.PolicyDecision, error) {
		a, err := registry.Decide(authorizer, registry.PolicyQuestion{Identity: q.Identity, Action: q.Action, Service: q.ServiceName})
		if err != nil {
			return wire.PolicyDecision{}, err
		}
		out := wire.PolicyDecision{Allowed: a.Allowed, Reason: a.Text, Change: a.Change}
		if a.Rule != auth.NoRule {
			out.Rule = &wire.PolicyRule{Index: a.Rule, Identity: a.Pattern}
		}
		return out, nil
	}, nil
}
