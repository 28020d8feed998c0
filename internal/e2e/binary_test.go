//go:build unix

package e2e

import (
	"fmt"
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
