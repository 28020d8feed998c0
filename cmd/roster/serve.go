package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/cmd/roster/internal/server"
)

type slogLogger = slog.Logger

func newServe(stderr io.Writer) *cobra.Command {
	var file string
	var insecure bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API over HTTPS with mutual TLS, as a configuration says",
		Long: `Serve the API over HTTPS. Clients must have a certificate of the configured CA; "roster pki" makes
certificates. Every key of the configuration can be set in the file, by a ROSTER_ variable or by a
flag; "roster config print" shows what holds and why. SIGHUP reloads certificates, CA, CRL and policy, which
also happens when their files change; other keys take effect at the next start.`,
		Example: "  roster pki init\n  roster serve --config config.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runServe(cmd, file, insecure, stderr)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (YAML)")
	cmd.Flags().BoolVar(&insecure, "insecure", false, "serve plain HTTP: everyone who reaches the port may register anything")
	config.BindServeFlags(cmd.Flags())
	if err := config.CompleteFlags(cmd); err != nil {
		panic(err) // a flag of the table that is not bound: every test fails
	}
	return cmd
}

func runServe(cmd *cobra.Command, file string, insecure bool, stderr io.Writer) error {
	loaded, err := load(cmd, file, false, stderr)
	if err != nil {
		return err
	}
	log, err := newLogger(loaded.Config.Log, stderr)
	if err != nil {
		return err
	}
	ballasted(os.Getenv)
	srv, err := server.Open(server.Options{Config: loaded.Config, Insecure: insecure, Version: version(), Logger: log, Stderr: stderr,
		ConfigFile: file, Started: loaded, Reread: func() (*config.Loaded, error) { return load(cmd, file, false, io.Discard) }})
	if err != nil {
		return err
	}
	stop := onHangup(cmd.Context(), srv.Reload)
	defer stop()
	return srv.Run(cmd.Context())
}

// load reads and checks the configuration, and tells its warnings.
func load(cmd *cobra.Command, file string, dev bool, stderr io.Writer) (*config.Loaded, error) {
	loaded, err := config.Load(config.Options{File: file, Flags: cmd.Flags(), Dev: dev})
	if err != nil {
		return nil, err
	}
	if err := loaded.Validate(); err != nil {
		return nil, err
	}
	for _, w := range loaded.Warnings {
		fmt.Fprintln(stderr, "roster: warning:", w)
	}
	return loaded, nil
}

// onHangup calls f at every SIGHUP until the function that it gives is called.
func onHangup(ctx context.Context, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
				f()
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		cancel()
		<-done
	}
}
