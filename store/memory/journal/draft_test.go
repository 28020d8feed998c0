package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var errCrash = errors.New("the machine is off")

// crashing is the machine's disk until it has done so many steps: a step is a byte written,
// or a call that changes something. From then on nothing has an effect.
type crashing struct {
	system
	left int
}

func (d *crashing) step() error {
	if d.left <= 0 {
		return errCrash
	}
	d.left--
	return nil
}

func (d *crashing) OpenFile(name string, flag int, perm fs.FileMode) (Handle, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	h, err := d.system.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &crashingHandle{h, d}, nil
}

func (d *crashing) Rename(from, to string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.system.Rename(from, to)
}

func (d *crashing) Remove(name string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.system.Remove(name)
}

func (d *crashing) SyncDir(name string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.system.SyncDir(name)
}

type crashingHandle struct {
	Handle
	d *crashing
}

func (h *crashingHandle) Write(p []byte) (int, error) {
	n := min(len(p), h.d.left)
	h.d.left -= n
	n, err := h.Handle.Write(p[:n])
	if err == nil && n < len(p) {
		err = errCrash
	}
	return n, err
}

func (h *crashingHandle) Truncate(size int64) error {
	if err := h.d.step(); err != nil {
		return err
	}
	return h.Handle.Truncate(size)
}

func (h *crashingHandle) Sync() error {
	if err := h.d.step(); err != nil {
		return err
	}
	return h.Handle.Sync()
}

// A crash at any step of appending and rewriting leaves a journal that opens, without
// anything to complain of, and holds what was there at one moment.
func TestCrashAtEveryStep(t *testing.T) {
	dir := t.TempDir()
	whole := write(t, filepath.Join(dir, "whole"), "one", "two", "three")
	moments := [][]string{{"one", "two", "three"}, {"one", "two", "three", "four"}, {"three", "four"}, {"three", "four", "five"}}
	path := filepath.Join(dir, "state")
	done := false
	for steps := 0; !done; steps++ {
		put(t, path, whole)
		o, err := try(path, &crashing{left: steps})
		if err == nil {
			mark := o.Size()
			err = o.Write(entries(t, "four"))
			var d *Draft
			if err == nil {
				d, err = o.Begin()
			}
			if err == nil {
				if err = errors.Join(d.Write(entries(t, "three")), d.Copy(mark, o.Size())); err == nil {
					err = d.Commit()
				} else {
					err = errors.Join(err, d.Abort())
				}
			}
			if err == nil {
				err = o.Write(entries(t, "five"))
			}
			o.Close()
		}
		done = err == nil
		got := open(t, path)
		if !slices.ContainsFunc(moments, func(m []string) bool { return slices.Equal(m, got.held) }) || got.Aside != "" {
			t.Fatalf("a crash after %d steps, with %v, leaves %q, %+v", steps, err, got.held, got.Found)
		}
		if done && !slices.Equal(got.held, moments[3]) {
			t.Fatalf("without a crash it holds %q", got.held)
		}
		got.Close()
		if _, err := os.Stat(path + draftSuffix); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("a crash after %d steps leaves a draft for ever", steps)
		}
	}
}

// A journal to which a write failed takes nothing more, stays readable, and is good again
// when a draft took its place.
func TestBrokenAndReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, "one")
	disk := &crashing{left: 1 << 20}
	o, err := try(path, disk)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	disk.left = 5
	if err := o.Write(entries(t, "two")); !errors.Is(err, errCrash) {
		t.Fatalf("Write = %v", err)
	}
	disk.left = 1 << 20
	if err := o.Write(entries(t, "three")); !errors.Is(err, ErrBroken) || !o.Broken() {
		t.Errorf("then Write = %v, Broken = %v", err, o.Broken())
	}
	if err := o.Sync(); !errors.Is(err, ErrBroken) {
		t.Errorf("Sync = %v", err)
	}
	d, err := o.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Write(entries(t, "one", "two", "three")), d.Commit(), o.Write(entries(t, "four")), o.Close()); err != nil {
		t.Fatal(err)
	}
	if got := open(t, path); !slices.Equal(got.held, []string{"one", "two", "three", "four"}) {
		t.Errorf("held %q", got.held)
	}
}

// A draft that is given up changes nothing.
func TestAbort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, "one")
	o := open(t, path)
	d, err := o.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Write(entries(t, "x")), d.Abort(), o.Write(entries(t, "two")), o.Close()); err != nil {
		t.Fatal(err)
	}
	if got := open(t, path); !slices.Equal(got.held, []string{"one", "two"}) {
		t.Errorf("held %q", got.held)
	}
}
