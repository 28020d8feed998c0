//go:build unix

package e2e

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// The program as it is built for releases, and as its next version that writes the next
// form of stored records. Each is built once, when first used.
var (
	current = sync.OnceValues(func() (string, error) { return build("roster", "nomsgpack") })
	next    = sync.OnceValues(func() (string, error) { return build("roster-next", "nomsgpack,nextformat") })
)

func build(name, tags string) (string, error) {
	if given := os.Getenv("ROSTER_E2E_BINARIES"); given != "" {
		return filepath.Join(given, name), nil
	}
	if err := readSources(); err != nil {
		return "", err
	}
	file := filepath.Join(shared, name)
	args := []string{"build", "-trimpath", "-tags", tags, "-o", file}
	env := append(os.Environ(), "CGO_ENABLED=0")
	if os.Getenv("ROSTER_E2E_RACE") != "" {
		args, env = append(args, "-race"), append(env, "CGO_ENABLED=1")
	}
	cmd := exec.Command("go", append(args, "github.com/roster-sd/roster/cmd/roster")...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return file, nil
}

// readSources opens what the program is made of. The cache of test results knows the files
// that a test has opened, and not those that a command it ran has: without it, a change of
// the program would leave an old result standing.
func readSources() error {
	root := filepath.Join("..", "..")
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == ".git" || d.Name() == "build") {
			return cmp.Or(err, filepath.SkipDir)
		}
		if ext := filepath.Ext(file); ext == ".go" || ext == ".lua" || ext == ".mod" || ext == ".yaml" {
			_, err = os.Stat(file)
		}
		return err
	})
}

// certificates makes an authority, a certificate for servers on this machine and one for a
// client, by the program's own commands, and gives their folder.
var certificates = sync.OnceValues(func() (string, error) {
	roster, err := current()
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{{"pki", "init"}, {"pki", "issue", "load"}} {
		cmd := exec.Command(roster, args...)
		cmd.Dir = shared
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("roster %v: %w\n%s", args, err, out)
		}
	}
	return filepath.Join(shared, "certs"), nil
})

func must[T any](t testing.TB, f func() (T, error)) T {
	t.Helper()
	v, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
