//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package devfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Lock says that this process is its user's one local registry. On these systems it is
// a file with the process number, which counts as long as that process lives.
type Lock struct{ path string }

// Acquire takes the lock of this user in dir, the system's directory for temporary files
// if empty, or gives ErrHeld.
func Acquire(ctx context.Context, dir string) (*Lock, error) {
	path := lockPath(dir)
	for ctx.Err() == nil {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_, err = f.WriteString(strconv.Itoa(os.Getpid()))
			if err = errors.Join(err, f.Close()); err != nil {
				return nil, errors.Join(fmt.Errorf("acquire lock: %w", err), os.Remove(path))
			}
			return &Lock{path: path}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("acquire lock: %w", err)
		}
		held, err := Held(dir)
		if err != nil {
			return nil, fmt.Errorf("acquire lock: %w", err)
		}
		if held {
			return nil, fmt.Errorf("acquire lock: %s: %w", path, ErrHeld)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("acquire lock: %w", err)
		}
	}
	return nil, fmt.Errorf("acquire lock: %w", ctx.Err())
}

// Held tells whether a process holds the lock in dir.
func Held(dir string) (bool, error) {
	data, err := os.ReadFile(lockPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at lock: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	return err == nil && Alive(pid), nil
}

// Touch renews the age of the lock's file, against the cleaning up of temporary files.
func (l *Lock) Touch() error {
	if err := os.WriteFile(l.path, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return fmt.Errorf("touch lock: %w", err)
	}
	return nil
}

// Close lets go of the lock.
func (l *Lock) Close() error {
	if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}
