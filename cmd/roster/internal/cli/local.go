package cli

import (
	"context"
	"errors"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/devfile"
	"github.com/roster-sd/roster/internal/devstart"
)

// findLocal finds this user's local registry by its discovery file, which is in dir.
func findLocal(dir string) (devfile.Info, error) {
	info, _, err := devfile.Read(dir)
	if errors.Is(err, devfile.ErrNotFound) || errors.Is(err, devfile.ErrStale) {
		return info, errNoRegistry
	}
	return info, err
}

// ensureLocal gives this user's local registry, which answers. Where none runs it starts
// one, unless the program or the environment does not want that.
func (s *session) ensureLocal() (devfile.Info, error) {
	ctx := s.cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	info, err := devstart.Find(ctx, s.env.TempDir)
	forbidden := s.env.Binary == "" || devstart.Forbidden(s.env.Getenv(devstart.ForbidVariable))
	switch {
	case err == nil, ctx.Err() != nil:
		return info, err
	case forbidden && errors.Is(err, devstart.ErrNone):
		return info, errNoRegistry
	case forbidden && errors.Is(err, devstart.ErrSilent):
		return info, nil // the call that follows says who does not answer, and why
	case forbidden:
		return info, err
	}
	return devstart.Ensure(ctx, s.starting())
}

// starting says how a local registry is started.
func (s *session) starting() devstart.Options {
	return devstart.Options{
		Binary: s.env.Binary, TempDir: s.env.TempDir,
		OnStart: func(info devfile.Info) {
			s.tell("started a local registry on http://%s (roster stop ends it).", info.Address())
		},
	}
}

// keeping gives a client that stays with the registry that the options name. With none it is
// the local one, which answers now, and is followed when it moves to another port.
func (s *session) keeping(opts client.Options) (*client.Client, error) {
	if len(opts.Addresses) == 0 {
		if _, err := s.ensureLocal(); err != nil {
			return nil, err
		}
		opts.Local = client.LocalOptions{
			Binary: s.env.Binary, TempDir: s.env.TempDir,
			NoStart: s.env.Binary == "" || devstart.Forbidden(s.env.Getenv(devstart.ForbidVariable)),
		}
	}
	c, err := client.New(opts)
	if err != nil {
		return nil, Usage(err)
	}
	return c, nil
}
