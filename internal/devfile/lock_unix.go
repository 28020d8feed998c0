//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package devfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Lock says that this process is its user's one local registry. The system lets go of
// it when the process ends, however it ends.
type Lock struct {
	path string
	file *os.File
}

// How often, and after what wait, a lock that seems held is tried again: [Held] takes it
// for an instant too.
const (
	lockTries = 5
	lockWait  = 10 * time.Millisecond
)

// Acquire takes the lock of this user in dir, the system's directory for temporary files
// if empty, or gives ErrHeld.
func Acquire(ctx context.Context, dir string) (*Lock, error) {
	path := lockPath(dir)
	for try := 1; ; try++ {
		file, err := lockFile(path, os.O_RDWR|os.O_CREATE, syscall.LOCK_EX)
		switch {
		case err == nil && standsAt(file, path):
			l := &Lock{path: path, file: file}
			if err := l.sign(); err != nil {
				return nil, errors.Join(fmt.Errorf("acquire lock: %w", err), l.Close())
			}
			return l, nil
		case err == nil:
			// Its holder removed the file between our opening and locking it.
			_ = file.Close() // nothing was written
		case !errors.Is(err, ErrHeld) || try >= lockTries:
			return nil, fmt.Errorf("acquire lock: %w", err)
		}
		timer := time.NewTimer(lockWait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("acquire lock: %w", ctx.Err())
		}
	}
}

// Held tells whether a process of this user holds the lock in dir.
func Held(dir string) (bool, error) {
	file, err := lockFile(lockPath(dir), os.O_RDONLY, syscall.LOCK_SH)
	switch {
	case errors.Is(err, ErrHeld):
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look at lock: %w", err)
	}
	return false, file.Close()
}

// lockFile opens the file and locks it without waiting.
func lockFile(path string, flag, how int) (*os.File, error) {
	file, err := openPlain(path, flag)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return file, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w", path, ErrHeld)
	}
	return nil, errors.Join(err, file.Close())
}

// standsAt tells whether path still leads to the file.
func standsAt(file *os.File, path string) bool {
	a, err := file.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// sign writes our process number into the file, for people who look.
func (l *Lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// Touch renews the age of the lock's file: systems clean up what is old among temporary
// files, and a second registry could then start. Once an hour is plenty. It fails where
// that has happened.
func (l *Lock) Touch() error {
	if !standsAt(l.file, l.path) {
		return fmt.Errorf("touch lock: %s is no longer ours", l.path)
	}
	if err := l.sign(); err != nil {
		return fmt.Errorf("touch lock: %w", err)
	}
	return nil
}

// Close lets go of the lock and removes its file.
func (l *Lock) Close() error {
	var err error
	if standsAt(l.file, l.path) {
		err = os.Remove(l.path) // while we hold it, so nobody else can
	}
	if err = errors.Join(err, l.file.Close()); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}
