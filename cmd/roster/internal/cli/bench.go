package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/roster-sd/roster/cmd/roster/internal/bench"
	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

// loads are the operations of roster bench, with what is said of each.
var loads = []struct{ name, short, long string }{
	{bench.Register, "Register instances until all are there",
		"Register instances until all are there, or the duration is over."},
	{bench.Heartbeat, "Renew instances, one a request",
		"Renew one instance after the other, one a request."},
	{bench.Heartbeats, "Renew instances in batches",
		"Renew one batch of instances after the other. The rate counts renewals, and not requests."},
	{bench.Resolve, "Resolve one service after the other", "Resolve one service after the other."},
	{bench.List, "List the instances of one service after the other", "List all instances of one service after the other."},
	{bench.Watch, "Change instances, and see when all watchers know",
		"Change one instance after the other, and measure when the watchers of its service have\nbeen told. The rate counts changes; watchers follow one service after the other."},
	{bench.Mixed, "A fleet in use: it renews, is resolved and watched, leaves and comes back",
		"A fleet in use, all at once: its instances renew themselves in batches every third of\ntheir TTL, some leave and come back, it is resolved and watched. The rate counts resolves."},
}

func benchCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Load a registry and measure what it does",
		Long: `Load a registry and measure what it does. Instances are registered for that, under names
that begin with --name, and deregistered at the end, also after an interrupt; a second
interrupt leaves the rest to end with its TTL.

Without --rate there is one request under way on each connection. With it requests begin at
their time, whatever became of those before, and latency counts from that time.

The exit status is 1 if a request failed, or an instance was evicted that had been renewed.`,
		Example: `  roster bench resolve --connections 64 --duration 10s
  roster bench heartbeats --instances 1000000 --services 10000 --batch 1000
  roster bench watch --watchers 1000 --rate 100 -o json
  roster bench growth --svg growth.svg --json growth.json`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return usagef("name what to measure: roster bench --help lists it")
		},
	}
	for _, l := range loads {
		cmd.AddCommand(loadCommand(env, l.name, l.short, l.long))
	}
	cmd.AddCommand(growthCommand(env))
	return cmd
}

func loadCommand(env Env, operation, short, long string) *cobra.Command {
	o := bench.Options{Operation: operation, Batch: 1000, Resolvers: 16}
	cmd := &cobra.Command{
		Use: operation, Short: short, Long: long,
		Args: args(cobra.NoArgs), ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.SortFlags = false
	connections, rate := 64, 0.0
	switch operation {
	case bench.Heartbeats:
		connections = 4
	case bench.Watch:
		connections, rate = 16, 10
	}
	f.IntVar(&o.Instances, "instances", 1000, "how many instances there are")
	f.IntVar(&o.Services, "services", 10, "over how many services they are spread")
	f.IntVar(&o.Connections, "connections", connections, "how many connections make the load")
	f.Float64Var(&o.Rate, "rate", rate, "operations a second; 0: as many as go through")
	f.DurationVar(&o.Duration, "duration", 10*time.Second, "how long to measure")
	f.DurationVar(&o.TTL, "ttl", 30*time.Second, "TTL of the instances, which are kept alive meanwhile")
	if operation == bench.Heartbeats || operation == bench.Mixed {
		f.IntVar(&o.Batch, "batch", o.Batch, fmt.Sprintf("heartbeats in a request, %d at most", wire.MaxBatch))
	}
	if operation == bench.Watch || operation == bench.Mixed {
		f.IntVar(&o.Watchers, "watchers", 100, "how many event streams are open")
	}
	if operation == bench.Mixed {
		f.IntVar(&o.Resolvers, "resolvers", o.Resolvers, "how many connections resolve")
		f.Float64Var(&o.Churn, "churn", 10, "instances a second that leave and come back")
	}
	f.StringVar(&o.Name, "name", "bench", "what the names of services and instances begin with; you must be allowed to register them")
	f.StringVar(&o.Metrics, "metrics", "", "where the metrics of the server are, such as http://127.0.0.1:8444; the address of the registry if absent")
	s := bind(cmd, env)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.target(&o); err != nil {
			return err
		}
		return s.bench(cmd.Context(), o)
	}
	return cmd
}

// target fills in where the registry is.
func (s *session) target(o *bench.Options) error {
	c, err := s.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	opts, err := s.remote()
	if err != nil {
		return err
	}
	config, err := rawclient.TLSFiles(opts.CAFile, opts.CertFile, opts.KeyFile)
	if err != nil {
		return Usage(err)
	}
	for _, base := range c.Addresses() {
		t, err := bench.NewTarget(base, config)
		if err != nil {
			return Usage(err)
		}
		o.Targets = append(o.Targets, t)
	}
	if o.Metrics == "" && len(c.Addresses()) > 0 {
		o.Metrics = c.Addresses()[0]
	}
	o.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	return nil
}

// bench measures, and prints what it measured, also where something failed.
func (s *session) bench(ctx context.Context, o bench.Options) error {
	progress := s.env.progress()
	result, err := bench.Run(ctx, o, progress)
	progress.close()
	if errors.Is(err, bench.ErrOptions) {
		return Usage(err)
	}
	if result != nil && (len(result.Parts) > 0 || result.Watch != nil) {
		err = errors.Join(err, s.print(result, func(w io.Writer) { benchTable(w, result) }))
	}
	if err == nil && result.Interrupted {
		return errInterrupted
	}
	return err
}

var errInterrupted = errors.New("interrupted; what is shown was measured until then")
