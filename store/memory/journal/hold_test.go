package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	o := open(t, path)
	want := func(what string, err, kind error) {
		t.Helper()
		if !errors.Is(err, kind) {
			t.Errorf("%s: %v, want %v", what, err, kind)
		}
	}
	remove := func(name string) {
		t.Helper()
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	want("as it was", o.Check(), nil)
	remove(path + lockSuffix)
	want("a lock that was removed", o.Check(), ErrDisplaced)
	want("is taken again", o.Check(), nil)
	if _, err := try(path, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("and holds others off: %v", err)
	}
	remove(path)
	want("removed", o.Check(), ErrDisplaced)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("replaced", o.Check(), ErrDisplaced)
	d, err := o.Begin()
	if err != nil {
		t.Fatal(err)
	}
	want("a copy of what another file holds", d.Copy(0, headerLen), ErrDisplaced)
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	want("put back", o.Check(), nil)
	remove(path + lockSuffix)
	other := open(t, path)
	want("taken by another", o.Check(), ErrInUse)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	want("let go of by it", o.Check(), ErrDisplaced)
	want("and ours again", o.Check(), nil)
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	want("closed", o.Check(), os.ErrClosed)
}
