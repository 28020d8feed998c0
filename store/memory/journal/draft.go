package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const draftSuffix = ".new"

// Draft is a journal in the making, which stands beside the one whose place it will take.
// Until [Draft.Commit] that one is what a reader finds, and can be appended to.
type Draft struct {
	of   *File
	h    Handle
	size int64
}

// Begin starts a draft, over what an earlier one left. One at a time.
func (f *File) Begin() (*Draft, error) {
	// O_TRUNC alone would keep the permissions of a file that somebody else put there.
	name := f.path + draftSuffix
	if err := f.disk.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	h, err := f.disk.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	d := &Draft{of: f, h: h}
	if err := d.Write(header()); err != nil {
		return nil, errors.Join(err, d.Abort())
	}
	return d, nil
}

// Write appends entries, made by [AppendEntry]. After an error the draft is good for Abort.
func (d *Draft) Write(entries []byte) error {
	n, err := d.h.Write(entries)
	if err == nil && n < len(entries) {
		err = io.ErrShortWrite
	}
	d.size += int64(n)
	return err
}

// Copy appends what stands in the journal between two lengths that it had.
func (d *Draft) Copy(from, to int64) error {
	old, err := d.of.disk.OpenFile(d.of.path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := leadsTo(d.of.path, d.of.h); err != nil {
		return err
	}
	if _, err := old.Seek(from, io.SeekStart); err != nil {
		return err
	}
	n, err := io.CopyN(d.h, old, to-from)
	d.size += n
	return err
}

// Size is the length of the draft in bytes.
func (d *Draft) Size() int64 { return d.size }

// Commit makes the draft last and puts it in the place of the journal, which is then not
// broken any more. After an error the journal is as it was, or broken.
func (d *Draft) Commit() error {
	f := d.of
	if err := d.h.Sync(); err != nil {
		return errors.Join(err, d.Abort())
	}
	// Not every system renames open files, or over them.
	if err := d.h.Close(); err != nil {
		return errors.Join(err, f.disk.Remove(f.path+draftSuffix))
	}
	if f.h != nil {
		_ = f.h.Close() // all that it held is in the draft
		f.h = nil
	}
	renamed := f.disk.Rename(f.path+draftSuffix, f.path)
	if renamed != nil {
		renamed = errors.Join(renamed, f.disk.Remove(f.path+draftSuffix))
	}
	var err error
	if f.h, err = f.disk.OpenFile(f.path, os.O_RDWR|os.O_APPEND, 0); err != nil {
		f.h, f.broken = nil, true
		return errors.Join(renamed, fmt.Errorf("open it again: %w", err))
	}
	if renamed != nil {
		return renamed
	}
	f.size, f.broken = d.size, false
	if err := f.disk.SyncDir(filepath.Dir(f.path)); err != nil {
		// A loss of power might bring the old file back, to which nothing is appended.
		f.broken = true
		return fmt.Errorf("sync the folder: %w", err)
	}
	return nil
}

// Abort removes the draft.
func (d *Draft) Abort() error {
	return errors.Join(d.h.Close(), d.of.disk.Remove(d.of.path+draftSuffix))
}
