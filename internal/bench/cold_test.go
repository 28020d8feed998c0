package bench

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestCold: each cold start is timed and cleared away, with the true program.
func TestCold(t *testing.T) {
	r := testRunner(t)
	r.options.Cases, r.options.Starts, r.options.Roster = []string{caseCold}, 2, ""
	var err error
	if r.bin, err = build(t.Context(), r.dir, Options{Bare: "unused"}, &printer{w: io.Discard}); err != nil {
		t.Fatal(err)
	}
	if err := r.cold(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := r.report.Cold
	if got == nil || len(got.Millis) != 2 || got.MedianMillis <= 0 || got.GoalMillis != 300 {
		t.Errorf("measured %+v", got)
	}
	folders, err := filepath.Glob(filepath.Join(r.dir, "cold-*"))
	if err != nil || len(folders) != 2 {
		t.Fatalf("folders %v, %v", folders, err)
	}
	for _, dir := range folders {
		if pid, err := devfile.Holder(dir); err != nil || pid != 0 {
			t.Errorf("in %s process %d, %v, was left behind", dir, pid, err)
		}
	}
}

// TestColdOfWhatFails: a program that starts nothing is an error, and no figure.
func TestColdOfWhatFails(t *testing.T) {
	program := filepath.Join(t.TempDir(), "roster")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho no luck >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if took, err := timeCold(context.Background(), t.TempDir(), program, "listener"); err == nil {
		t.Errorf("it took %s", took)
	}
}
