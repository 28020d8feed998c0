package devfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts the discovery file into dir, the system's directory for temporary files if
// empty, and gives its path. That ends in [Name] unless another user's file is there;
// then it is svc-registry-<uid>.json, which a caller should say. A reader sees the old
// file or the new one, never a part. Writing again renews the file's age, on which some
// systems clean up.
func Write(dir string, info Info) (path string, err error) {
	data, err := encode(info)
	if err != nil {
		return "", fmt.Errorf("write discovery file: %w", err)
	}
	temporary, err := writeTemporary(orTemp(dir), data)
	if err != nil {
		return "", fmt.Errorf("write discovery file: %w", err)
	}
	for _, path := range paths(dir) {
		var theirs bool
		if theirs, err = foreign(path); err != nil {
			break
		}
		if theirs {
			err = fmt.Errorf("%s belongs to another user: %w", path, ErrUntrusted)
			continue
		}
		if err = os.Rename(temporary, path); err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrPermission) {
			break
		}
		// Another user may have taken the name just now.
	}
	return "", errors.Join(fmt.Errorf("write discovery file: %w", err), os.Remove(temporary))
}

// writeTemporary writes a new file, which nobody else may read or write.
func writeTemporary(dir string, data []byte) (path string, err error) {
	f, err := os.CreateTemp(dir, ".svc-registry-*.tmp") // exclusive, mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return filepath.Clean(f.Name()), nil
}

// foreign tells whether another user's file holds the name.
func foreign(path string) (bool, error) {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return !own(st), nil
}

// Remove removes the discovery file at path if it names the process; a registry calls
// it at its end. A file that is gone, or another's, is left without an error.
func Remove(path string, pid int) error {
	info, err := load(path)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUntrusted) || err == nil && info.PID != pid {
		return nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove discovery file: %w", err)
	}
	return nil
}
