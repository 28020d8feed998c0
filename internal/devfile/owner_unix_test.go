//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package devfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// asUser runs the rest of the test as if this process were another user's, to whom the
// files that it makes belong to somebody else.
func asUser(t *testing.T, uid int) {
	t.Helper()
	real := euid
	euid = func() int { return uid }
	t.Cleanup(func() { euid = real })
}

func TestMode(t *testing.T) {
	path := write(t, t.TempDir(), mine())
	st, err := os.Lstat(path)
	if err != nil || st.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", st.Mode(), err)
	}
}

func TestAnotherUsersFile(t *testing.T) {
	dir := t.TempDir()
	theirs := write(t, dir, mine())
	asUser(t, 99999)
	if info, _, err := Read(dir); !errors.Is(err, ErrNotFound) {
		t.Errorf("another user's file was believed: %+v, %v", info, err)
	}
	if err := Remove(theirs, os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(theirs); err != nil {
		t.Errorf("another user's file was removed: %v", err)
	}
	ours, err := Write(dir, mine())
	if err != nil || ours != filepath.Join(dir, "svc-registry-99999.json") {
		t.Errorf("wrote %s, %v", ours, err)
	}
	// That one, too, now looks like somebody else's.
	if path, err := Write(dir, mine()); !errors.Is(err, ErrUntrusted) {
		t.Errorf("wrote %s, %v; want untrusted", path, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFilesThatAreNotBelieved(t *testing.T) {
	for name, plant := range map[string]func(path, good string) error{
		"symbolic link": func(path, good string) error { return os.Symlink(good, path) },
		"dangling link": func(path, _ string) error { return os.Symlink(path+".none", path) },
		"directory":     func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"pipe":          func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
		"for all to write": func(path, good string) error {
			return errors.Join(os.Rename(good, path), os.Chmod(path, 0o666))
		},
	} {
		dir, elsewhere := t.TempDir(), t.TempDir()
		good := write(t, elsewhere, mine())
		path := filepath.Join(dir, Name)
		if err := plant(path, good); err != nil {
			t.Fatal(err)
		}
		if info, _, err := Read(dir); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %+v, %v; want untrusted", name, info, err)
		}
		if name == "directory" {
			continue // nothing replaces that
		}
		write(t, dir, Info{Host: "localhost", Port: 1, PID: os.Getpid()})
		if info, _, err := Read(dir); err != nil || info.Port != 1 {
			t.Errorf("%s: written over, and then %+v, %v", name, info, err)
		}
		if name == "symbolic link" {
			if info, _, err := Read(elsewhere); err != nil || info != mine() {
				t.Errorf("the link was written through: %+v, %v", info, err)
			}
		}
	}
}
