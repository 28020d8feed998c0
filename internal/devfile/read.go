package devfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Read finds this user's discovery file in dir, the system's directory for temporary
// files if empty. With [ErrStale] the file and its path are given all the same, for
// [Remove]. That the process lives does not prove that it is a registry: its number may
// have been given to another one since.
func Read(dir string) (info Info, path string, err error) {
	worst := ErrNotFound
	for _, candidate := range paths(dir) {
		found, err := load(candidate)
		switch {
		case err == nil && Alive(found.PID):
			return found, candidate, nil
		case err == nil:
			info, path = found, candidate
			worst = fmt.Errorf("%s, process %d: %w", candidate, found.PID, ErrStale)
		case !errors.Is(err, ErrNotFound) && !errors.Is(worst, ErrStale):
			worst = err
		}
	}
	return info, path, fmt.Errorf("read discovery file: %w", worst)
}

// load reads the file at path without asking whether its process lives. Another user's
// file is none of ours, and so ErrNotFound.
func load(path string) (Info, error) {
	theirs, err := foreign(path)
	if err != nil {
		return Info{}, err
	}
	if theirs {
		return Info{}, ErrNotFound
	}
	f, err := openPlain(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, ErrNotFound
	}
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return Info{}, err
	}
	if len(data) > maxSize {
		return Info{}, fmt.Errorf("%s has over %d bytes: %w", path, maxSize, ErrUntrusted)
	}
	info, err := decode(data)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w: %w", path, ErrUntrusted, err)
	}
	return info, nil
}

// openPlain opens a regular file of this user's that nobody else may write, following
// no link and waiting for nothing.
func openPlain(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|openFlags, 0o600)
	if isLink(err) {
		return nil, fmt.Errorf("%s is a symbolic link: %w", path, ErrUntrusted)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case !st.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file: %w", path, ErrUntrusted)
	case !own(st):
		err = fmt.Errorf("%s belongs to another user: %w", path, ErrUntrusted)
	case writableByOthers(st):
		err = fmt.Errorf("%s may be written by other users: %w", path, ErrUntrusted)
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}
