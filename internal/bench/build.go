package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binaries are the programs that a run starts.
type binaries struct{ roster, bare, redis, etcd string }

// build builds the binaries that were not given into dir, as the project builds its
// releases. It runs in the module's folder.
func build(ctx context.Context, dir string, o Options, progress *printer) (binaries, error) {
	b := binaries{roster: o.Roster, bare: o.Bare}
	for _, want := range []struct {
		file *string
		name string
		pkg  string
	}{
		{&b.roster, "roster", "github.com/roster-sd/roster/cmd/roster"},
		{&b.bare, "baregin", "github.com/roster-sd/roster/internal/bench/cmd/baregin"},
	} {
		if *want.file != "" {
			absolute, err := filepath.Abs(*want.file) // children run in folders of their own
			if err != nil {
				return binaries{}, fmt.Errorf("build %s: %w", want.name, err)
			}
			*want.file = absolute
			continue
		}
		progress.printf("building %s\n", want.name)
		*want.file = filepath.Join(dir, want.name)
		if err := goBuild(ctx, *want.file, want.pkg); err != nil {
			return binaries{}, err
		}
	}
	return b, nil
}

func goBuild(ctx context.Context, file, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nomsgpack", "-o", file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(file), err, out)
	}
	return nil
}

// buildListener builds the service that is started cold.
func buildListener(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "listener")
	return file, goBuild(ctx, file, "github.com/roster-sd/roster/internal/bench/cmd/listener")
}
