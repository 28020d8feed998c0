package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/cmd/roster/internal/logging"
	"github.com/roster-sd/roster/cmd/roster/internal/server"
	"github.com/roster-sd/roster/internal/devfile"
)

func newDev(stdout, stderr io.Writer) *cobra.Command {
	var port int
	var ifNeeded bool
	var how background
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Start the registry for this machine: on loopback, nothing to configure",
		Long: `Start the registry of a developer's machine: in memory, on loopback, without TLS or tokens that
expire. Clients find it by a discovery file in the folder for temporary files, so nobody needs to
know its port. There is one for each user; a second start says where the first one is.

What lives is also kept in a file in your folder for state, so that a restart loses none of it.

It reads no configuration file; ROSTER_ variables and SVC_TTL (milliseconds) are honoured.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := how.settle(cmd.Flags(), ifNeeded); err != nil {
				return err
			}
			if how.detach {
				return runDetached(cmd, how, ifNeeded, stdout)
			}
			return runDev(cmd, port, ifNeeded, how.idle, stdout, stderr)
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "port on 127.0.0.1; 0 takes a free one")
	cmd.Flags().BoolVar(&ifNeeded, "if-needed", false, "exit 0 if one is running already")
	how.bind(cmd.Flags())
	bindState(cmd.Flags())
	borrow(cmd.Flags(), "log-level", "log-format", "node")
	return cmd
}

// borrow adds the named flags of roster serve.
func borrow(to *pflag.FlagSet, names ...string) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.BindServeFlags(all)
	for _, name := range names {
		to.AddFlag(all.Lookup(name))
	}
}

func runDev(cmd *cobra.Command, port int, ifNeeded bool, idle time.Duration, stdout, stderr io.Writer) (err error) {
	ctx := cmd.Context()
	// A terminal that is closed is an orderly end too, unless nohup was to prevent it.
	if !signal.Ignored(syscall.SIGHUP) {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer stop()
	}
	if port < 0 || port > 65535 {
		return usage(fmt.Errorf("--port %d: must be 0 to 65535", port))
	}
	loaded, err := load(cmd, "", true, stderr)
	if err != nil {
		return err
	}
	cfg := loaded.Config
	if port != 0 {
		cfg.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	log, err := newLogger(cfg.Log, stderr)
	if err != nil {
		return err
	}
	lock, running, err := takePlace(ctx)
	if err != nil {
		return err
	}
	if lock == nil {
		return runningAlready(running, ifNeeded, stdout)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	ballasted(os.Getenv)
	optional, err := placeState(cmd.Flags(), &cfg.Store, log)
	if err != nil {
		return err
	}
	srv, err := server.Open(server.Options{Config: cfg, Dev: true, StateOptional: optional, IdleStop: idle, Version: version(), Logger: log, Stderr: stderr})
	if errors.Is(err, server.ErrInUse) && port != 0 {
		return fmt.Errorf("%w; give another --port, or none for a free one", err)
	}
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(srv.Addr()) // ROSTER_LISTEN may name another one of loopback
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	info := devfile.Info{Host: host, Port: srv.Port(), PID: os.Getpid(), StartedAt: time.Now()}
	path, err := devfile.Write("", info)
	if err != nil {
		return errors.Join(inTemp(err), srv.Close())
	}
	if name := devfile.Name; path[len(path)-min(len(path), len(name)):] != name {
		log.Warn("the discovery file of another user holds the usual name, ours has another", "path", path)
	}
	fmt.Fprintf(stdout, "Roster is running on http://%s (discovery file %s). Ctrl-C stops it.\n", info.Address(), path)
	return serveFound(ctx, srv, lock, path, info)
}

// serveFound runs the server with its discovery file at path. Whoever stops it has the file
// removed before it takes no more connections: clients that lose a registry whose file is
// still there start another one, and this one would not stay stopped. One that ends because
// nobody uses it was stopped by nobody, and so leaves its file, as if it had been killed.
func serveFound(ctx context.Context, srv *server.Server, lock *devfile.Lock, path string, info devfile.Info) error {
	keepFresh, stop := context.WithCancel(ctx)
	defer stop()
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	removed := make(chan error, 1)
	go func() { // ends when the server does, at the latest
		defer end()
		path = renewFiles(keepFresh, lock, path, info)
		if ctx.Err() == nil {
			removed <- nil
			return
		}
		removed <- devfile.Remove(path, info.PID)
	}()
	err := srv.Run(serving)
	stop()
	err = errors.Join(err, <-removed)
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, devfile.Remove(path, info.PID))
	}
	return err
}

// checkFile is how often it is looked whether the discovery file still leads here. Without
// it nobody finds this registry, and nobody can start another; those who would, wait for it
// this long and longer.
const checkFile = 5 * time.Second

// renewFiles keeps the lock and the discovery file at path from being cleaned up as old,
// and gives the path at which the file is in the end. It leaves the file alone once the
// lock is not ours any more: it may be that of a registry that has since started.
func renewFiles(ctx context.Context, lock *devfile.Lock, path string, info devfile.Info) string {
	ticker, check := time.NewTicker(time.Hour), time.NewTicker(checkFile)
	defer ticker.Stop()
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return path
		case <-check.C:
			if found, _, err := devfile.Read(""); err == nil && found.PID == info.PID {
				continue
			}
		case <-ticker.C:
		}
		// What fails here is told by whoever looks for the file and does not find it.
		if lock.Touch() != nil {
			continue
		}
		if now, err := devfile.Write("", info); err == nil && now != path {
			_ = devfile.Remove(path, info.PID) // one file is enough
			path = now
		}
	}
}

// patience bounds how often, and patienceStep after what wait, is looked again for a
// registry that holds the lock and has written no file: it is about to, or about to end.
const (
	patience     = 40
	patienceStep = 50 * time.Millisecond
)

// takePlace gives the lock of this user's one local registry, or no lock and where the
// one that runs is.
func takePlace(ctx context.Context) (*devfile.Lock, devfile.Info, error) {
	for try := 1; ; try++ {
		lock, err := devfile.Acquire(ctx, "")
		if !errors.Is(err, devfile.ErrHeld) {
			return lock, devfile.Info{}, inTemp(err)
		}
		info, _, err := devfile.Read("")
		// A file that one before left behind may name a process that has its number now.
		if holder, lockErr := devfile.Holder(""); err == nil && lockErr == nil && holder != 0 && holder != info.PID {
			err = fmt.Errorf("the discovery file names process %d, and process %d holds the lock: %w", info.PID, holder, devfile.ErrStale)
		}
		if err == nil {
			return nil, info, nil
		}
		if try == patience {
			return nil, info, fmt.Errorf("a local registry is running or starting, but cannot be found: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, info, ctx.Err()
		case <-time.After(patienceStep):
		}
	}
}

// inTemp says of an error of the file system what the folder is for, and how to have
// another one.
func inTemp(err error) error {
	var at *fs.PathError
	if !errors.As(err, &at) {
		return err
	}
	return fmt.Errorf("the folder for temporary files, %s, cannot be used: %w; set TMPDIR to another one", os.TempDir(), at.Err)
}

func runningAlready(info devfile.Info, ifNeeded bool, stdout io.Writer) error {
	fmt.Fprintf(stdout, "Roster is running already on http://%s (process %d).\n", info.Address(), info.PID)
	if ifNeeded {
		return nil
	}
	return errQuiet{errors.New("running already")}
}

func newLogger(cfg config.Log, w io.Writer) (*slogLogger, error) {
	return logging.New(w, logging.Options{Level: cfg.Level, Format: cfg.Format, Terminal: logging.IsTerminal(w)})
}
