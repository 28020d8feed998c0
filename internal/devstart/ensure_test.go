package devstart

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestEnsure: the first call starts a registry, others find it.
func TestEnsure(t *testing.T) {
	w := newWorld(t, "serve")
	var started []devfile.Info
	opts := Options{TempDir: w.dir, Env: append(w.env, BinaryVariable+"="+os.Args[0]), OnStart: func(i devfile.Info) { started = append(started, i) }}
	first, err := Ensure(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Ensure(t.Context(), opts)
	if err != nil || second != first {
		t.Errorf("found %+v, %v; want %+v", second, err, first)
	}
	if len(started) != 1 || started[0] != first {
		t.Errorf("told of the start of %+v", started)
	}
	if holder, err := devfile.Holder(w.dir); err != nil || holder != first.PID || holder == os.Getpid() {
		t.Errorf("process %d, %v, holds the lock", holder, err)
	}
}

// TestEnsureTwenty: twenty calls at one instant get the one registry.
func TestEnsureTwenty(t *testing.T) {
	w := newWorld(t, "serve")
	const n = 20
	var all [n]devfile.Info
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = w.ensure(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, info := range all {
		if info != all[0] {
			t.Errorf("%+v, and %+v", all[0], info)
		}
	}
}

func TestEnsureForbidden(t *testing.T) {
	w := newWorld(t, "serve")
	for value, forbidden := range map[string]bool{"1": true, "yes": true, "0": false, "false": false, "": false} {
		if Forbidden(value) != forbidden {
			t.Errorf("%q forbids: %t", value, !forbidden)
		}
	}
	w.env = append(w.env, ForbidVariable+"=1")
	_, err := w.ensure()
	if !errors.Is(err, ErrForbidden) {
		t.Errorf("error %v, want forbidden", err)
	}
	contains(t, err, ForbidVariable, "roster dev")
	if left, err := filepath.Glob(filepath.Join(w.dir, "*")); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	w.env = append(w.env, ForbidVariable+"=0") // the last one counts
	if _, err := w.ensure(); err != nil {
		t.Error(err)
	}
}

// TestEnsureFails: errors say what to do.
func TestEnsureFails(t *testing.T) {
	w := newWorld(t, "fail")
	_, err := w.ensure()
	contains(t, err, "start local registry: no room\n  on this machine")
	hopeless := func(err error) {
		t.Helper()
		if !errors.Is(err, ErrNotStarted) {
			t.Errorf("error %v, want not started", err)
		}
	}
	hopeless(err)

	t.Setenv("PATH", t.TempDir())
	_, err = Ensure(t.Context(), Options{TempDir: w.dir, Env: w.env})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v, want not found", err)
	}
	contains(t, err, "install roster", BinaryVariable)
	hopeless(err)

	_, err = Ensure(t.Context(), Options{TempDir: w.dir, Env: w.env, Binary: filepath.Join(w.dir, "none")})
	contains(t, err, "start local registry", "none", "no such file")
	hopeless(err)

	// A program that is not even of the PATH but of the folder one happens to be in.
	here := t.TempDir()
	if err := os.WriteFile(filepath.Join(here, "roster"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(here)
	t.Setenv("PATH", ".")
	_, err = Ensure(t.Context(), Options{TempDir: w.dir, Env: w.env})
	if !errors.Is(err, exec.ErrDot) {
		t.Errorf("error %v: a program of the current folder is run", err)
	}
	hopeless(err)
}
