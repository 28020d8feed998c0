package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStartedByAClient: what a client starts is in a session of its own, has nothing of ours
// open, and ends by itself.
func TestStartedByAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t).mayStart()
	w.run("ls")
	pid := w.found().PID
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("its session is %d, %v; want one of its own, %d", sid, err, pid)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Fatal(err)
	}
	if args := strings.Join(strings.Split(string(text), "\x00"), " "); !strings.Contains(args, " dev --idle-stop 30m0s ") {
		t.Errorf("it was started as %q", args)
	}
	for fd, want := range []string{os.DevNull, w.log(), w.log()} {
		if got, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); err != nil || got != want {
			t.Errorf("descriptor %d is %s, %v; want %s", fd, got, err, want)
		}
	}
	if dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || dir != "/" {
		t.Errorf("its folder is %s, %v", dir, err)
	}
}

// TestFolderOfNoUse: a folder for temporary files that takes no file is named, with what to do.
func TestFolderOfNoUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string)
		says string
	}{
		"missing":   {func(*testing.T, string) {}, "no such file or directory"},
		"read-only": {func(t *testing.T, dir string) { mount(t, dir, unix.MS_RDONLY); probeFails(t, dir) }, "read-only file system"},
		"full":      {func(t *testing.T, dir string) { mount(t, dir, 0); fill(t, dir) }, "no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).mayStart()
			dir := filepath.Join(w.temp, "folder")
			c.make(t, dir)
			w.env = append(w.env, "TMPDIR="+dir)
			for _, args := range [][]string{{"ls"}, {"dev", "--if-needed", "--detach"}, {"run", "--name", "x", "true"}} {
				want := fmt.Sprintf("the folder for temporary files, %s, cannot be used: %s; set TMPDIR to another one\n", dir, c.says)
				if _, stderr, code := w.run(args...); code != 1 || !strings.HasSuffix(stderr, want) || strings.Count(stderr, "\n") != 1 {
					t.Errorf("roster %v: exit status %d, messages %q, want %q", args, code, stderr, want)
				}
			}
		})
	}
}

// mount makes the folder a file system of its own, in memory and small.
func mount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, "size=64k"); err != nil {
		t.Skipf("this user may not mount a file system to test with: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func probeFails(t *testing.T, dir string) {
	t.Helper()
	if os.WriteFile(filepath.Join(dir, "probe"), nil, 0o600) == nil {
		t.Fatal("the file system takes files")
	}
}

func fill(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the file system is not full")
	}
}
