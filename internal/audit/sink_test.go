//go:build unix

package audit

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The file is for its owner only, and what is in it stays.
func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "audit.log")
	for range 2 {
		l, _ := opened(t, Options{File: name})
		l.Write(Event{Kind: Start})
		closed(t, l)
	}
	if n := len(entries(t, read(t, name))); n != 2 {
		t.Errorf("%d lines", n)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s, %v", info.Mode(), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		dir:                               "is not a file",
		pipe:                              "is not a file",
		filepath.Join(dir, "none", "log"): "make its folder",
	} {
		if l, err := Open(Options{File: name}); err == nil || !strings.HasPrefix(err.Error(), "open audit log: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
			_ = l.Close()
		}
	}
}

// A file that was moved away gets no more lines, whether the log is told or finds out; one that
// was cut in place is begun anew.
func TestMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		name := filepath.Join(dir, "audit.log")
		l, told := opened(t, Options{File: name})
		write := func(k Kind) {
			l.Write(Event{Kind: k})
			time.Sleep(lookEvery)
			synctest.Wait()
		}
		move := func(to string) {
			if err := os.Rename(name, filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
		write(Start)
		move("1")
		l.Reopen()
		synctest.Wait()
		write(Register)
		move("2")
		time.Sleep(lookEvery)
		synctest.Wait()
		write(Rotate)
		if err := os.Truncate(name, 0); err != nil {
			t.Fatal(err)
		}
		write(Stop)
		for file, want := range map[string]string{"1": "start", "2": "register", "audit.log": "stop"} {
			if list := entries(t, read(t, filepath.Join(dir, file))); len(list) != 1 || list[0]["kind"] != want {
				t.Errorf("%s holds %v, want %s", file, list, want)
			}
		}
		if told.String() != "" {
			t.Errorf("told %s", told)
		}

		// Without a place for a new one, the old one is written on, and that is told once.
		old := filepath.Join(t.TempDir(), "old")
		if err := os.Rename(dir, old); err != nil {
			t.Fatal(err)
		}
		write(Start)
		write(Stop)
		if n := len(entries(t, read(t, filepath.Join(old, "audit.log")))); n != 3 || strings.Count(told.String(), "audit log: it cannot be opened anew") != 1 {
			t.Errorf("%d lines, told %s", n, told)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		synctest.Wait()
		write(Rotate)
		if list := entries(t, read(t, name)); len(list) != 1 || list[0]["kind"] != "rotate" {
			t.Errorf("%v", list)
		}
		closed(t, l)
	})
}
