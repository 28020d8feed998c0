package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory/journal"
)

// ErrStateInUse is for a state file that another process has open.
var ErrStateInUse = journal.ErrInUse

// State is a state file that was read and is locked: what a store in memory begins with, and
// where it keeps what must outlive the process. It is given to one [Open], by
// [Options].State, or closed.
//
// The file holds records with the digests of their tokens, their generations, owners and
// TTLs, and tombstones with what is left of their [store.TombstoneAge]. It holds no deadlines:
// a renewal writes nothing, and after a restart each record has one TTL of its own to be
// renewed in. A write to the store does not wait for the file. A change is handed to the
// system within some milliseconds, so that a killed process loses little, and is on the disk
// within two tenths of a second where the disk keeps up; see [SyncEvery]. What a crash takes
// is the newest changes, never older ones without them: an instance that had just left may be
// back for a TTL, and one that had just come must register again.
type State struct {
	file *journal.File
	log  *slog.Logger
	past *past
	// slack is how many bytes of the past the file may always hold: a small one is not worth
	// rewriting.
	slack int64
	// queue bounds the changes that wait to be written.
	queue int
}

// OpenState locks and reads the state file at path, or makes an empty one, with permissions
// for its owner only. Its folder must be there.
//
// A torn end is cut off. A file that cannot be read, or not to its end, is moved aside, and
// what could be read of it is kept if it is of this format. Both are told to log, nil for
// nobody, and neither is an error. The error is [ErrStateInUse], or that of the file system,
// and says what to do.
func OpenState(path string, log *slog.Logger) (*State, error) {
	return openState(path, log, nil)
}

func openState(path string, log *slog.Logger, disk journal.Disk) (*State, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	began := time.Now()
	p := newPast()
	file, found, err := journal.Open(path, disk, p.read)
	if err != nil {
		return nil, explain(err)
	}
	log = log.With("file", file.Path())
	if found.Loose != 0 {
		log.Warn("state file: others could open it; now only its owner can", "permissions", found.Loose.String())
	}
	switch {
	case found.Aside != "" && found.Bytes == 0:
		p = newPast()
		log.Error("state file: it cannot be read and was moved aside; starting empty", "aside", found.Aside, "error", found.Why)
	case found.Aside != "":
		log.Error("state file: it is damaged and was moved aside; what stood before the damage is kept",
			"aside", found.Aside, "cut_bytes", found.Cut, "error", found.Why)
	case found.Cut > 0:
		log.Warn("state file: the torn end of an interrupted write was cut off", "cut_bytes", found.Cut)
	}
	log.Info("state file: read", "records", len(p.records), "tombstones", len(p.stones), "bytes", found.Bytes,
		"took", time.Since(began).String())
	return &State{file: file, log: log, past: p, slack: 4 << 20, queue: 1 << 18}, nil
}

func newPast() *past { return &past{records: map[store.Key]*store.Record{}} }

// explain says what to do about an error of opening.
func explain(err error) error {
	advice := "name another file"
	switch {
	case errors.Is(err, journal.ErrInUse):
		advice = "stop that one, or name another file"
	case errors.Is(err, fs.ErrNotExist):
		advice = "make its folder, or name another file"
	case errors.Is(err, fs.ErrPermission):
		advice = "let this user write to its folder, or name another file"
	case errors.Is(err, syscall.ENOSPC):
		advice = "make room on that disk, or name a file on another one"
	}
	return fmt.Errorf("open state file: %w; %s", err, advice)
}

// Close lets go of a state file that was given to no store.
func (st *State) Close() error {
	if err := st.file.Close(); err != nil {
		return fmt.Errorf("close state file: %w", err)
	}
	return nil
}

// restore makes what the state file holds the content of a store that is not in use yet, and
// starts who writes the file. Positions are new, as the epoch is; leases begin now.
func (s *Store) restore(st *State) {
	p := st.past
	st.past = nil // it may be large
	s.graves.forgotten = p.forgotten
	if len(p.records)+len(p.stones) > 0 {
		// Numbered by themselves, since their order is what tells the lives of a key apart.
		s.revision.Number += uint64(len(p.stones)) + 1
	}
	for key, rec := range p.records {
		e := s.index.place(key)
		rec.Revision, rec.Changed = s.revision, s.revision.Number
		rec.Lease = s.grant(rec.TTL)
		e.set(store.Pack(rec))
		s.bind(e)
	}
	s.bury(p.stones)
	s.keeper = newKeeper(s, st, p.items)
}

// bury restores tombstones, each with what is left of its time. They are in the order of
// the deaths.
func (s *Store) bury(stones []store.Tombstone) {
	now, wall := s.table.Now(), store.Now().Time()
	first := s.revision.Number - uint64(len(stones))
	dug := now - store.TombstoneAge
	for i := range stones {
		t := &stones[i]
		// By the wall clock, which may have been set back since: then it is kept longer. The
		// lines of the graves are by age, so that none is older than the one before it.
		age := max(0, wall.Sub(t.Time.Time()))
		dug = max(dug, now-min(age, store.TombstoneAge))
		if now-dug < store.TombstoneAge {
			s.graves.add(s.index.place(t.Record.Key), grave{rec: store.Pack(t.Record), reason: t.Reason,
				number: first + uint64(i), time: t.Time, dug: dug})
		} else if died := t.Record.Generation; died > s.index.find(t.Record.Key).generation() {
			s.graves.forgotten = max(s.graves.forgotten, died)
		}
	}
}
