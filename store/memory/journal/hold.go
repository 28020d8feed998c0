package journal

import (
	"errors"
	"io/fs"
	"os"
)

// ErrDisplaced is for a journal whose name leads to another file by now, or to none: what is
// appended to it nobody will find. A [Draft] puts it back.
var ErrDisplaced = errors.New("it was removed or replaced by somebody else")

// Check tells whether the journal can still be found under its name, and is still this
// process's. What sweeps folders of temporary files takes files that are open, and locks too.
//
// The error is ErrDisplaced; or ErrInUse, if the lock was removed and another process has one of
// the same name: then nothing may be written any more, by no draft either. A lock that was only
// removed is taken again; that is ErrDisplaced too, since somebody may have written meanwhile. It
// costs four system calls.
func (f *File) Check() error {
	if f.lock == nil {
		return os.ErrClosed
	}
	if err := leadsTo(f.path+lockSuffix, f.lock); err != nil {
		again, err := lock(f.path)
		if err != nil {
			return err
		}
		_ = f.lock.Close() // it holds nobody off
		f.lock = again
		return ErrDisplaced
	}
	if f.h == nil {
		return nil // a draft is needed as it is
	}
	return leadsTo(f.path, f.h)
}

// leadsTo gives ErrDisplaced if the name is not that of the open file.
func leadsTo(name string, open interface{ Stat() (fs.FileInfo, error) }) error {
	there, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrDisplaced
	}
	ours, failed := open.Stat()
	if err == nil && failed == nil && !os.SameFile(there, ours) {
		return ErrDisplaced
	}
	return nil // or nothing can be said
}
