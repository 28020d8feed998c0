package devstart

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/userdir"
)

// LogName is the name of the log of a local registry that was started in the background.
const LogName = "dev.log"

// maxLog is the size, in bytes, from which the log is begun anew at a start.
const maxLog = 4 << 20

// LogPath gives where the log of a local registry is that runs in the background: dev.log in
// the folder of this user's state.
func LogPath() (string, error) {
	dir, err := userdir.State()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, LogName), nil
}

// logFile is the log, opened for one more registry to write to its end.
type logFile struct {
	path  string
	file  *os.File // nil: there is none, and what is written is dropped
	begin int64    // where what this start writes begins
}

// openLog opens the log of this user's state; where that cannot be written, one in the folder
// for temporary files; where neither can, none: a registry without a log is better than none.
func openLog() *logFile {
	if path, err := LogPath(); err == nil {
		if os.MkdirAll(filepath.Dir(path), 0o700) == nil {
			if log := openLogAt(path); log != nil {
				return log
			}
		}
	}
	// The number keeps users apart who share the folder; openLogAt refuses links.
	if log := openLogAt(filepath.Join(os.TempDir(), fmt.Sprintf("roster-dev-%d.log", os.Getuid()))); log != nil {
		return log
	}
	return &logFile{}
}

// openLogAt opens one log and writes the line that begins a start into it: a file that takes
// none, as on a full disk, is of no use.
func openLogAt(path string) *logFile {
	if st, err := os.Lstat(path); err == nil && !(st.Mode().IsRegular() && ours(st)) {
		return nil // a link could lead into a file of importance, a pipe nowhere, and others read theirs
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|noFollow, 0o600)
	if err != nil {
		return nil
	}
	// Somebody may have put his file there since we looked.
	if st, err := file.Stat(); err != nil || !(st.Mode().IsRegular() && ours(st)) {
		_ = file.Close() // nothing was written
		return nil
	}
	if st, err := file.Stat(); err == nil && st.Size() > maxLog {
		_ = file.Truncate(0) // it then grows on, and is tried again next time
	}
	line := fmt.Sprintf("--- %s, by process %d\n", time.Now().Format(time.RFC3339), os.Getpid())
	if _, err := file.WriteString(line); err != nil {
		_ = file.Close()
		return nil
	}
	log := &logFile{path: path, file: file}
	if st, err := file.Stat(); err == nil {
		log.begin = st.Size()
	}
	return log
}

func (l *logFile) close() {
	if l.file != nil {
		_ = l.file.Close() // the child has a copy; what it writes is its own matter
	}
}

// told names the log for people.
func (l *logFile) told() string {
	if l.path == "" {
		return "nowhere: neither the folder for state nor that for temporary files can be written"
	}
	return l.path
}

// maxSaid bounds, in bytes, what said looks through.
const maxSaid = 64 << 10

// said gives the last error that a child of this start wrote for people: from the last line
// that begins with "roster: " on, without log entries.
func (l *logFile) said() string {
	if l.path == "" {
		return ""
	}
	file, err := os.Open(l.path)
	if err != nil {
		return ""
	}
	defer file.Close()
	text := make([]byte, maxSaid)
	n, _ := file.ReadAt(text, l.begin) // an error means that there is less
	var lines []string
	within := false // an error, not an entry of the log or a warning
	for line := range strings.Lines(string(text[:n])) {
		line = strings.TrimRight(line, "\r\n")
		switch first, ours := strings.CutPrefix(line, "roster: "); {
		case ours:
			if within = !strings.HasPrefix(first, "warning: "); within {
				lines = []string{first}
			}
		case within && line != "" && !strings.HasPrefix(line, "{") && !strings.HasPrefix(line, "--- "):
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
