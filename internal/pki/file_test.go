package pki

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// The lock keeps out other calls of this package, and nobody else: what another program
// puts there at the last moment stays too.
func TestWriteNewOverwritesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	if err := writeNew(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeNew(file, []byte("other"), 0o600); !errors.Is(err, ErrExists) {
		t.Errorf("got %v", err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "mine" {
		t.Errorf("the file has %q, %v", data, err)
	}
}

func TestWritePairIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := writePair(key, []byte("key"), filepath.Join(dir, "none", "cert"), []byte("cert")); err == nil {
		t.Error("wrote into a folder that is not there")
	}
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left a key behind: %v", err)
	}
}
