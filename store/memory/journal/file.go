package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// mode is the permissions of a journal: it may hold digests of tokens, and names that are
// nobody else's business.
const mode fs.FileMode = 0o600

// File is an open journal, locked against other processes.
type File struct {
	path   string
	disk   Disk
	lock   *os.File
	h      Handle // nil after a failure that left none open
	size   int64  // of what is whole
	broken bool   // nothing may be appended until a Draft takes the place of the file
}

// Found tells what [Open] met, for the log.
type Found struct {
	// Bytes is the length of the journal as it was read.
	Bytes int64
	// Cut is the length of what stood behind the last whole entry, and was taken off.
	Cut int64
	// Aside is where a file was moved that could not be read, or not to its end, and Why the
	// reason; empty and nil if none was.
	Aside string
	Why   error
	// Loose is the permissions that were found, if others could read or write the file.
	Loose fs.FileMode
}

// Open locks and reads the journal at path, or makes an empty one, and gives each payload to
// visit in order. A payload is visit's until it returns.
//
// A file that is no journal of this version, or with a payload that visit refuses, is moved
// aside, and the journal starts empty: what visit was given before is then to be forgotten,
// as [Found] says. What stands behind the last whole entry is cut off; if it is more than the
// torn end of a write, the whole file is kept aside as well.
//
// The error is ErrInUse, or that of the file system. The folder must be there. Nil for disk is
// the machine's.
func Open(path string, disk Disk, visit func(payload []byte) error) (f *File, found Found, err error) {
	if disk == nil {
		disk = system{}
	}
	if path, err = resolve(path); err != nil {
		return nil, found, err
	}
	f = &File{path: path, disk: disk}
	if f.lock, err = lock(path); err != nil {
		return nil, found, err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // the error is told already
			f = nil
		}
	}()
	// What an interrupted rewrite left: it holds nothing that the journal does not.
	if err := disk.Remove(path + draftSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, found, err
	}
	f.h, err = disk.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return f, found, f.create()
	}
	if err != nil {
		return f, found, err
	}
	if err := f.tighten(&found); err != nil {
		return f, found, err
	}
	return f, found, f.load(&found, visit)
}

// resolve follows links, so that a rename takes the place of the file and not of the link,
// and refuses what is no file.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil // the parent is looked at when the lock is taken
	}
	if err != nil {
		return "", err
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	return real, nil
}

// tighten takes from a file the permissions of others.
func (f *File) tighten(found *Found) error {
	info, err := f.h.Stat()
	if err != nil {
		return err
	}
	if loose := info.Mode().Perm(); loose&0o077 != 0 && loosePermissions {
		found.Loose = loose
		return f.h.Chmod(mode)
	}
	return nil
}

// create puts an empty journal at the path.
func (f *File) create() error {
	d, err := f.Begin()
	if err != nil {
		return err
	}
	return d.Commit()
}

// moveAside renames the file out of the way, to a name with the time in it.
func (f *File) moveAside(found *Found, why error) error {
	base := f.path + ".corrupt-" + time.Now().UTC().Format("20060102T150405Z")
	aside := base
	for n := 2; ; n++ {
		_, err := os.Lstat(aside)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = fmt.Sprint(base, "-", n)
	}
	_ = f.h.Close() // not every system renames open files
	f.h = nil
	if err := f.disk.Rename(f.path, aside); err != nil {
		return err
	}
	found.Aside, found.Why = aside, why
	return nil
}

// Path is where the journal stands, without links.
func (f *File) Path() string { return f.path }

// Size is the length of the journal in bytes.
func (f *File) Size() int64 { return f.size }

// Broken tells whether nothing can be appended; see [File.Write].
func (f *File) Broken() bool { return f.broken || f.h == nil }

// ErrBroken is for writes to a journal to which an earlier one failed: something is missing
// in it, and what came later would say something else without it.
var ErrBroken = errors.New("an earlier write failed")

// Write appends entries, made by [AppendEntry]. An error means that none of them, or some of
// the first, are in the file, and that nothing can be appended until a [Draft] took its place.
// They outlive the process at once, and the machine's power supply after [File.Sync].
func (f *File) Write(entries []byte) error {
	if f.Broken() {
		return ErrBroken
	}
	n, err := f.h.Write(entries)
	if err == nil && n < len(entries) {
		err = io.ErrShortWrite
	}
	if err != nil {
		f.broken = true
		// So that the next reader need not; if this fails it does.
		_ = f.h.Truncate(f.size)
		return err
	}
	f.size += int64(n)
	return nil
}

// Sync waits until what was written would survive a loss of power. After an error nothing is
// known of any of it, as the system may have dropped it, and only a [Draft] helps.
func (f *File) Sync() error { return f.Syncer()() }

// Syncer gives a Sync of what was written up to now that one other goroutine may do while
// this one writes on. It must have ended before a [Draft.Commit] and before Close.
func (f *File) Syncer() func() error {
	if f.Broken() {
		return func() error { return ErrBroken }
	}
	return f.h.Sync
}

// Close lets go of file and lock. It syncs nothing.
func (f *File) Close() error {
	var errs []error
	if f.h != nil {
		errs = append(errs, f.h.Close())
		f.h = nil
	}
	if f.lock != nil {
		_ = f.lock.Truncate(0) // nobody holds it any more
		errs = append(errs, f.lock.Close())
		f.lock = nil
	}
	return errors.Join(errs...)
}
