package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Stderr as the name of a file is the standard error of the program.
const Stderr = "stderr"

// sink is where the lines go: a file that may be moved away while it is written, or a
// stream. It belongs to one goroutine.
type sink struct {
	path string   // empty for a stream
	file *os.File // nil for a stream
	w    io.Writer
}

func openSink(path string, stderr io.Writer) (*sink, error) {
	if path == Stderr {
		return &sink{w: stderr}, nil
	}
	f, err := appendTo(path)
	if err != nil {
		return nil, err
	}
	return &sink{path: path, file: f, w: f}, nil
}

// appendTo opens a file for its end. Each line lands behind what others have written, and a
// file that was cut to nothing in place is begun anew.
func appendTo(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDir) != 0 {
		return nil, fmt.Errorf("%s is not a file", path) // to open a pipe would wait for its reader
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; make its folder", err)
	}
	return f, err
}

// moved tells whether the file that is open is no longer the one of that name.
func (s *sink) moved() bool {
	if s.file == nil {
		return false
	}
	there, err := os.Stat(s.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	mine, err := s.file.Stat()
	return err == nil && !os.SameFile(there, mine)
}

// reopen opens the file of that name anew. Where that fails the old one is kept.
func (s *sink) reopen() error {
	if s.file == nil {
		return nil
	}
	f, err := appendTo(s.path)
	if err != nil {
		return err
	}
	s.file.Close()
	s.file, s.w = f, f
	return nil
}

func (s *sink) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
