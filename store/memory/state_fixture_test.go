package memory

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/store/memory/journal"
)

// disk is the machine's file system, until it is told to fail.
type disk struct {
	mu     sync.Mutex
	fault  error
	room   int           // bytes that can still be written; beyond it fault. Negative: any
	gate   chan struct{} // if not nil, writes wait until it is closed
	syncs  int
	writes int
}

var errFull = errors.New("no space left on device")

func newDisk() *disk { return &disk{room: -1, fault: errFull} }

// full lets the disk take n bytes more; a negative number, any.
func (d *disk) full(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = n
}

// count gives how often it was written to and synced.
func (d *disk) count() (writes, syncs int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes, d.syncs
}

// check fails where nothing more can be written.
func (d *disk) check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room == 0 {
		return d.fault
	}
	return nil
}

func (d *disk) OpenFile(name string, flag int, perm fs.FileMode) (journal.Handle, error) {
	if flag&os.O_CREATE != 0 {
		if err := d.check(); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &handle{f, d}, nil
}

func (d *disk) Rename(from, to string) error {
	if err := d.check(); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (d *disk) Remove(name string) error { return os.Remove(name) }
func (d *disk) SyncDir(string) error     { return d.check() }

type handle struct {
	*os.File
	d *disk
}

func (h *handle) Write(p []byte) (int, error) {
	h.d.mu.Lock()
	gate := h.d.gate
	h.d.mu.Unlock()
	if gate != nil {
		<-gate
	}
	h.d.mu.Lock()
	n := len(p)
	if h.d.room >= 0 {
		n = min(n, h.d.room)
		h.d.room -= n
	}
	h.d.writes++
	h.d.mu.Unlock()
	n, err := h.File.Write(p[:n])
	if err == nil && n < len(p) {
		err = h.d.fault
	}
	return n, err
}

func (h *handle) Sync() error {
	if err := h.d.check(); err != nil {
		return err
	}
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	h.d.syncs++
	return nil // the page cache outlives the test
}

// life is one run of a registry on a state file.
type life struct {
	fixture
	st  *State
	log *transcript
}

// begin opens a store on the file, as a start of the registry does.
func begin(t *testing.T, path string, d *disk) life {
	t.Helper()
	return beginWith(t, path, d, 4<<10, 1<<18)
}

// never is a slack with which a file is never rewritten.
const never = 1 << 40

func beginWith(t *testing.T, path string, d *disk, slack int64, queue int) life {
	t.Helper()
	log := &transcript{}
	var on journal.Disk
	if d != nil {
		on = d
	}
	st, err := openState(path, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), on)
	if err != nil {
		t.Fatal(err)
	}
	st.slack, st.queue = slack, queue
	opts := Options{State: st, Node: "n1", MaxTombstones: 8, MaxExpiredTombstones: 8}
	return life{fixture: open(t, opts), st: st, log: log}
}

func (l life) end() {
	l.Helper()
	if err := l.Close(); err != nil {
		l.Fatal(err)
	}
}

// told gives how many lines of the log have the text.
func (l life) told(text string) int { return strings.Count(l.log.String(), text) }

type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// view is all that a restart must bring back, as text.
func (f fixture) view() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for at, b := range f.index {
		for e := range b.entries.All() {
			line := fmt.Sprint(at, e.id(), ":")
			if rec := e.rec; rec != nil {
				r := rec.Record()
				line += fmt.Sprintf(" %d %v %d %s %s %+v %+v", r.Generation, r.TTL, r.RegisteredAt, r.Owner, r.Process, r.Tokens, r.Instance)
			}
			for gr := e.latest; gr != nil; gr = gr.earlier {
				line += fmt.Sprintf(" †%d %v %d", gr.rec.Generation(), gr.reason, gr.time)
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func statePath(t *testing.T) string { return filepath.Join(t.TempDir(), "state") }

// pass lets time go by in which the process runs.
func pass(d time.Duration) { time.Sleep(d) }
