package server

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// TestWhoseProcessesAreWatched: those of a local registry's own machine, and nobody's where
// instances may run on other machines.
func TestWhoseProcessesAreWatched(t *testing.T) {
	t.Parallel()
	dev := config.DevDefault()
	dev.Listen, dev.Store.Memory.StateFile = "127.0.0.1:0", ""
	shared := dev
	shared.Store.Backend, shared.Store.Redis.Addresses = config.Redis, []string{"127.0.0.1:1"}
	for name, test := range map[string]struct {
		opts    Options
		watched bool
	}{
		"dev":             {Options{Config: dev, Dev: true}, true},
		"dev, shared":     {Options{Config: shared, Dev: true}, false},
		"serve":           {Options{Config: free(), Insecure: true}, false},
		"serve, loopback": {Options{Config: dev, Insecure: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.opts.Logger = slog.New(slog.DiscardHandler)
			srv, err := Open(test.opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := srv.Close(); err != nil { // it was never run
				t.Error(err)
			}
			if (srv.processes != nil) != test.watched {
				t.Errorf("processes are watched: %t", srv.processes != nil)
			}
		})
	}
}

// TestProcessesAreReleased: a server that has watched leaves nothing of it behind, and a pid
// that lives is noted in the record and nowhere that a client sees.
func TestProcessesAreReleased(t *testing.T) {
	t.Parallel()
	cfg := config.DevDefault()
	cfg.Listen, cfg.Store.Memory.StateFile = "127.0.0.1:0", ""
	n := serve(t, Options{Config: cfg, Dev: true})
	out, err := n.srv.registry.Register(t.Context(), registry.Caller{Identity: localIdentity, From: "127.0.0.1"}, registry.Registration{
		Service: "a", Instance: store.Instance{Port: 1, Weight: 1, Status: store.StatusUp, PID: os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	handedOut.Store(out.Token, true)
	if out.Record.Process == "" {
		t.Error("the process of the record is not known")
	} else if text := string(api.EncodeInstance(nil, out.Record)); strings.Contains(text, out.Record.Process) {
		t.Errorf("clients see %s", text)
	}
	watching := func() int { described, polled := n.srv.processes.Watching(); return described + polled }
	eventually(t, "the process is watched", func() bool { return watching() == 1 })
	if _, err := n.srv.store.Deregister(context.Background(), out.Record.Ref(), store.Reason{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process is not watched any more", func() bool { return watching() == 0 })
}
