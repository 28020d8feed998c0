//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package devfile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var started = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

func mine() Info { return Info{Host: "127.0.0.1", Port: 4321, PID: os.Getpid(), StartedAt: started} }

// deadPID gives the number of a process that has ended.
func deadPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func write(t *testing.T, dir string, info Info) string {
	t.Helper()
	path, err := Write(dir, info)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWriteAndRead(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, mine())
	if path != filepath.Join(dir, Name) {
		t.Errorf("path %s", path)
	}
	got, where, err := Read(dir)
	if err != nil || got != mine() || where != path {
		t.Errorf("read %+v from %s, %v", got, where, err)
	}
	if got.Address() != "127.0.0.1:4321" || (Info{Host: "::1", Port: 1}).Address() != "[::1]:1" {
		t.Errorf("address %s", got.Address())
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), `"startedAt":"2026-03-04T05:06:07.089Z"`) {
		t.Errorf("file %s, %v", data, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestReadWithoutAFile(t *testing.T) {
	if _, _, err := Read(t.TempDir()); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v, want not found", err)
	}
	if _, _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrNotFound) {
		t.Errorf("no directory: error %v, want not found", err)
	}
}

func TestStale(t *testing.T) {
	dir := t.TempDir()
	gone := mine()
	gone.PID = deadPID(t)
	path := write(t, dir, gone)
	info, where, err := Read(dir)
	if !errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) || info != gone || where != path {
		t.Errorf("read %+v from %s, %v; want stale", info, where, err)
	}
	if err := Remove(where, info.PID); err != nil {
		t.Error(err)
	}
	if _, _, err := Read(dir); !errors.Is(err, ErrNotFound) {
		t.Errorf("after removing: %v", err)
	}
}

// A live file under the second name counts more than a stale one under the first.
func TestLiveBeforeStale(t *testing.T) {
	dir := t.TempDir()
	gone := mine()
	gone.PID = deadPID(t)
	places := paths(dir)
	for i, info := range []Info{gone, mine()} {
		data, err := encode(info)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(places[i], data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if info, where, err := Read(dir); err != nil || info.PID != os.Getpid() || where != places[1] {
		t.Errorf("read %+v from %s, %v", info, where, err)
	}
}

func TestRemoveOnlyOurs(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, mine())
	if err := Remove(path, os.Getpid()+1); err != nil {
		t.Error(err)
	}
	if _, _, err := Read(dir); err != nil {
		t.Errorf("another process removed it: %v", err)
	}
	for range 2 {
		if err := Remove(path, os.Getpid()); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(path, []byte("somebody's notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path, os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("foreign content was removed: %v", err)
	}
}

func TestContentThatIsNotBelieved(t *testing.T) {
	for name, content := range map[string]string{
		"empty":         "",
		"text":          "hello",
		"array":         "[]",
		"no members":    "{}",
		"port 0":        `{"host":"127.0.0.1","port":0,"pid":1}`,
		"port 65536":    `{"host":"127.0.0.1","port":65536,"pid":1}`,
		"no host":       `{"port":1,"pid":1}`,
		"pid 0":         `{"host":"127.0.0.1","port":1,"pid":0}`,
		"all processes": `{"host":"127.0.0.1","port":1,"pid":-1}`,
		"pid too large": `{"host":"127.0.0.1","port":1,"pid":4294967297}`,
		"bad date":      `{"host":"127.0.0.1","port":1,"pid":1,"startedAt":"yesterday"}`,
		"huge":          `{"host":"127.0.0.1","port":1,"pid":1,"x":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, Name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if info, _, err := Read(dir); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %+v, %v; want untrusted", name, info, err)
		}
		if write(t, dir, mine()); t.Failed() {
			continue
		}
		if _, _, err := Read(dir); err != nil {
			t.Errorf("%s: written over, and then: %v", name, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, info := range map[string]Info{
		"nothing": {}, "no port": {Host: "a", PID: 1}, "no pid": {Host: "a", Port: 1}, "no host": {Port: 1, PID: 1},
	} {
		if _, err := Write(t.TempDir(), info); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"no directory": file + ".none", "a file as directory": file} {
		if path, err := Write(dir, mine()); err == nil {
			t.Errorf("%s: wrote %s", name, path)
		}
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, Name, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if path, err := Write(dir, mine()); err == nil {
		t.Errorf("wrote %s over a directory", path)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Whoever reads while two write sees the file of one or of the other, whole.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	one, two := mine(), mine()
	two.Host, two.Port = strings.Repeat("long.", 40)+"example", 5
	write(t, dir, one)
	var writers sync.WaitGroup
	for _, info := range []Info{one, two} {
		writers.Go(func() {
			for range 200 {
				if _, err := Write(dir, info); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 400 {
		if info, _, err := Read(dir); err != nil || info != one && info != two {
			t.Errorf("read %+v, %v", info, err)
		}
	}
	writers.Wait()
}

func TestAlive(t *testing.T) {
	if !Alive(os.Getpid()) {
		t.Error("this process counts as dead")
	}
	for _, pid := range []int{0, -1, maxPID + 1, deadPID(t)} {
		if Alive(pid) {
			t.Errorf("%d counts as alive", pid)
		}
	}
}
