package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "roster.yaml")
	load := func(text string) *Loaded {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Load(Options{File: file, Environ: []string{"ROSTER_LOG_LEVEL=debug"}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	before := load("listen: ':1'\nlog: {level: info}\n")
	if got := before.Diff(load("listen: ':1'\nlog: {level: warn}\n")); len(got) != 0 {
		t.Errorf("the environment holds for both, and %v differ", got)
	}
	after := load("listen: ':2'\nauth: {services: [orders], policies: [{identity: a, register: [b]}]}\n")
	want := []string{"listen", "auth.services", "auth.policies"}
	if got := before.Diff(after); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
