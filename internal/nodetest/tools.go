package nodetest

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oldest is the major version of Node.js that the package promises to work with.
const oldest = 20

// Missing ends the test: as failed under CI, where nothing may be left out, else as skipped.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Require gives the path of node, of a version that will do, and sees to it that npm is there.
func Require(t testing.TB) (node string) {
	t.Helper()
	const advice = "on Debian or Ubuntu, as root: apt-get install nodejs npm (make test does it)"
	node, err := exec.LookPath("node")
	if err != nil {
		Missing(t, "node is not installed: %v; %s", err, advice)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		Missing(t, "npm is not installed: %v; %s", err, advice)
	}
	out, err := exec.CommandContext(t.Context(), node, "--version").Output()
	if err != nil {
		t.Fatalf("node --version: %v", err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		Missing(t, "node is of version %s, and %d or later is needed", version, oldest)
	}
	return node
}

// Build builds the roster program from the project's folder root, relative to that of the
// test, and gives its path.
func Build(t testing.TB, root string) string {
	t.Helper()
	readSources(t, root)
	file := filepath.Join(t.TempDir(), "roster")
	Run(t, "", append(os.Environ(), "CGO_ENABLED=0"), 10*time.Minute,
		"go", "build", "-trimpath", "-tags", "nomsgpack", "-o", file, "github.com/roster-sd/roster/cmd/roster")
	return file
}

var sources = []string{".go", ".mod", ".lua", ".yaml", ".js", ".mjs", ".ts", ".mts", ".cts", ".json"}

// readSources looks at what programs are made of. The cache of test results knows the files
// that a test has looked at, and not those that a command it ran has: without it, a change
// of a program would leave an old result standing.
func readSources(t testing.TB, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && (name == ".git" || name == "build" || name == "node_modules"):
			return filepath.SkipDir
		case d.Type().IsRegular() && slices.Contains(sources, filepath.Ext(name)):
			_, err = os.Stat(file)
		}
		return err
	})
	if err != nil {
		t.Fatalf("look at the sources: %v", err)
	}
}

// Run runs a command to its end within the time and gives what it wrote. If it fails, the
// test ends with that. The time is cut short where the test itself has less.
func Run(t testing.TB, dir string, env []string, within time.Duration, name string, args ...string) string {
	t.Helper()
	// A test that is out of time tells nothing of what the command has written so far.
	if limited, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := limited.Deadline(); ok {
			within = min(within, max(time.Until(end)-10*time.Second, time.Second))
		}
	}
	out, err := try(t.Context(), dir, env, within, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func try(ctx context.Context, dir string, env []string, within time.Duration, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // a test says which
	cmd.Dir, cmd.Env = dir, env
	together(cmd)
	// What it started may have inherited its output.
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}
