package devstart

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestFind: what holds the file's place is a registry only if it says so itself.
func TestFind(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := deaf.Addr().(*net.TCPAddr).Port
	if err := deaf.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body string // what it answers; empty: nobody listens
		pid  int
		want error
	}{
		"a registry":                 {fmt.Sprintf(`{"ok":true,"pid":%d}`, os.Getpid()), os.Getpid(), nil},
		"a process that is gone":     {fmt.Sprintf(`{"ok":true,"pid":%d}`, os.Getpid()), gonePID(t), ErrNone},
		"nobody":                     {"", os.Getpid(), ErrSilent},
		"another registry":           {`{"ok":true,"pid":1}`, os.Getpid(), ErrSilent},
		"a registry of another form": {`{"status":"ok"}`, os.Getpid(), ErrSilent},
		"another server":             {`<html>`, os.Getpid(), ErrSilent},
		"one that refuses":           {fmt.Sprintf(`{"ok":false,"pid":%d}`, os.Getpid()), os.Getpid(), ErrSilent},
	} {
		t.Run(name, func(t *testing.T) {
			dir, port := t.TempDir(), closed
			if c.body != "" {
				at, stop, err := answerWith(c.body)
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				port = at
			}
			if err := announce(dir, port, c.pid); err != nil {
				t.Fatal(err)
			}
			info, err := Find(t.Context(), dir)
			if !errors.Is(err, c.want) || c.want == nil && (err != nil || info.Port != port) {
				t.Errorf("found %+v, %v; want %v", info, err, c.want)
			}
		})
	}
	if _, err := Find(t.Context(), t.TempDir()); !errors.Is(err, ErrNone) {
		t.Errorf("no file: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, devfile.Name), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), dir); !errors.Is(err, devfile.ErrUntrusted) {
		t.Errorf("garbage: %v", err)
	}
}

// TestFindIsCancelled: the end of the caller's context is told as that.
func TestFindIsCancelled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // it accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	if err := announce(dir, l.Addr().(*net.TCPAddr).Port, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, dir); !errors.Is(err, context.Canceled) || errors.Is(err, ErrSilent) {
		t.Errorf("error %v, want that of the context", err)
	}
}
