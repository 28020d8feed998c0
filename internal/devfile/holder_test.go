//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package devfile

import (
	"os"
	"testing"
)

// TestHolder: only the process that holds the lock now is its holder, whatever the file says.
func TestHolder(t *testing.T) {
	dir := t.TempDir()
	check := func(want int) {
		t.Helper()
		if pid, err := Holder(dir); err != nil || pid != want {
			t.Errorf("holder %d, %v; want %d", pid, err, want)
		}
	}
	check(0)
	l, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	check(os.Getpid())
	for _, text := range []string{"", "0\n", "-1\n", "many\n", "99999999999\n"} {
		if err := os.WriteFile(lockPath(dir), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		check(0)
	}
	if err := l.Touch(); err != nil {
		t.Fatal(err)
	}
	check(os.Getpid())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lockPath(dir), []byte("1\n"), 0o600); err != nil { // left behind
		t.Fatal(err)
	}
	check(0)
}
