// Package devfile keeps the discovery file by which the programs of one user find that
// user's local development registry, and the lock that keeps it to one.
//
// The file stands in the directory for temporary files, which all users may share.
// So it is written whole or not at all, never through a link, and it is believed only
// when it belongs to the reading user and the process that it names lives. It holds no
// secret.
package devfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Name is the file's name, where no other user's file holds it.
const Name = "svc-registry.json"

// maxSize bounds what is read; the file that Write makes has about 100 bytes.
const maxSize = 4 << 10

// The kinds of error, for [errors.Is].
var (
	// ErrNotFound: this user has no discovery file.
	ErrNotFound = errors.New("no discovery file")
	// ErrStale: the process that the file names is gone.
	ErrStale = errors.New("the discovery file is of a process that is gone")
	// ErrUntrusted: what holds the name is not what Write makes: a link, a directory, a
	// file that others may write, or other content.
	ErrUntrusted = errors.New("not a discovery file to be trusted")
	// ErrHeld: another process of this user holds the lock.
	ErrHeld = errors.New("a local registry is running")
)

// Info tells where a local registry listens.
type Info struct {
	Host      string
	Port      int
	PID       int
	StartedAt time.Time // in a file to the millisecond; zero where the file does not say
}

// Address gives host:port.
func (i Info) Address() string { return net.JoinHostPort(i.Host, strconv.Itoa(i.Port)) }

// form is the file's JSON.
type form struct {
	Host      string `json:"host"`
	Port      int    `json:"port"`
	PID       int    `json:"pid"`
	StartedAt string `json:"startedAt,omitempty"` // ISO 8601
}

const iso8601 = "2006-01-02T15:04:05.000Z07:00"

func encode(i Info) ([]byte, error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	f := form{Host: i.Host, Port: i.Port, PID: i.PID}
	if !i.StartedAt.IsZero() {
		f.StartedAt = i.StartedAt.UTC().Format(iso8601)
	}
	data, err := json.Marshal(f)
	return append(data, '\n'), err
}

func decode(data []byte) (Info, error) {
	var f form
	if err := json.Unmarshal(data, &f); err != nil {
		return Info{}, err
	}
	i := Info{Host: f.Host, Port: f.Port, PID: f.PID}
	if f.StartedAt != "" {
		var err error
		if i.StartedAt, err = time.Parse(time.RFC3339, f.StartedAt); err != nil {
			return Info{}, fmt.Errorf("startedAt: %w", err)
		}
	}
	return i, i.check()
}

func (i Info) check() error {
	switch {
	case i.Host == "":
		return errors.New("no host")
	case i.Port < 1 || i.Port > 65535:
		return fmt.Errorf("port %d", i.Port)
	case i.PID < 1 || i.PID > maxPID:
		// Signals to 0 and to negative numbers reach whole groups of processes.
		return fmt.Errorf("pid %d", i.PID)
	}
	return nil
}

// maxPID is beyond what any system gives; higher numbers would wrap around in a system
// call.
const maxPID = 1<<31 - 1

// paths gives the places of this user's file in dir, the better one first.
func paths(dir string) []string {
	dir = orTemp(dir)
	return []string{filepath.Join(dir, Name), filepath.Join(dir, "svc-registry-"+user()+".json")}
}

func lockPath(dir string) string { return filepath.Join(orTemp(dir), "svc-registry-"+user()+".lock") }

func orTemp(dir string) string {
	if dir == "" {
		return os.TempDir()
	}
	return dir
}
