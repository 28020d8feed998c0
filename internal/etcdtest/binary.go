//go:build unix

package etcdtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildWithin bounds a build, the download of its source included.
const buildWithin = 5 * time.Minute

var build = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildWithin)
	defer cancel()
	path, err := binary(ctx)
	if err != nil {
		return "", fmt.Errorf("build etcd: %w", err)
	}
	return path, nil
})

// Binary gives the path of the etcd server, which it builds if it was never built before.
// Without one, the test ends here.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := build()
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		tb.Fatalf("CI is set and there is no etcd server: %v", err)
	default:
		tb.Skipf("no etcd server: %v", err)
	}
	return ""
}

// binary gives the cached server, or builds it while others who want it wait.
func binary(ctx context.Context) (string, error) {
	mod, err := goCommand(ctx, "env", "GOMOD").Output()
	if err != nil {
		return "", explain(err)
	}
	source := filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), "tools", "etcd")
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "roster-test")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	name, err := cacheName(source)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() // and with it the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil // somebody else built it meanwhile
	}
	fmt.Fprintf(os.Stderr, "building etcd for tests, once, into %s\n", path)
	cmd := goCommand(ctx, "build", "-C", source, "-trimpath", "-ldflags=-s -w", "-o", path+".new", "go.etcd.io/etcd/server/v3")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, tail(out))
	}
	return path, os.Rename(path+".new", path)
}

func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // arguments of this package
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	return cmd
}

// cacheName tells servers of other versions and other compilers apart.
func cacheName(source string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version())
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		hash.Write(text)
	}
	return fmt.Sprintf("etcd-%s-%s-%x", runtime.GOOS, runtime.GOARCH, hash.Sum(nil)[:6]), nil
}

// explain adds what a command wrote to its error.
func explain(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, tail(exit.Stderr))
	}
	return err
}

// tail gives the last lines of a log.
func tail(log []byte) string {
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
