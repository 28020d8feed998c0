package memory

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory/journal"
)

// lookEvery is by how much of its slack a file grows between two looks at what lives.
const lookEvery = 4

// snapshot is all that lives at one moment.
type snapshot struct {
	records   []*store.Packed
	graves    []*grave
	forgotten uint64
}

// snapshot collects what a new state file must hold. It needs the mutex, and holds it as
// long as [Store.List] does.
func (s *Store) snapshot() snapshot {
	all := snapshot{
		records:   make([]*store.Packed, 0, s.index.count(store.Selector{})),
		graves:    make([]*grave, 0, s.graves.meant.len+s.graves.expired.len),
		forgotten: s.graves.forgotten,
	}
	s.index.sel(store.Selector{}, func(rec *store.Packed) { all.records = append(all.records, rec) })
	for _, l := range [...]line{s.graves.meant, s.graves.expired} {
		for gr := l.oldest; gr != nil; gr = gr.newer {
			all.graves = append(all.graves, gr)
		}
	}
	return all
}

// mostlyPast tells whether more than half of the file, and some MiB, is of the past.
func (k *keeper) mostlyPast() bool {
	size := k.file.Size()
	if size <= k.slack || size < k.lookAgain || k.items == 0 {
		return false
	}
	k.lookAgain = size + k.slack/lookEvery
	k.s.mu.Lock()
	lives := k.s.index.count(store.Selector{}) + k.s.graves.meant.len + k.s.graves.expired.len
	k.s.mu.Unlock()
	return size > k.slack+2*int64(lives)*(size/int64(k.items))
}

// compact rewrites a file that is whole. If that fails, it goes on with the one it has.
func (k *keeper) compact() {
	before := k.file.Size()
	if err := k.rewrite(); err != nil {
		k.log.Warn("state file: it cannot be made shorter and goes on growing", "bytes", before, "error", err)
		k.lookAgain = 2 * before // the disk that is full gets no fuller by trying
		return
	}
	k.log.Debug("state file: rewritten", "bytes", k.file.Size(), "before", before)
}

// rewrite writes a new file of all that lives, and puts it in the place of the old one. The
// old one, if it is whole, takes what changes meanwhile: whichever of the two a crash leaves
// is good.
func (k *keeper) rewrite() error {
	k.s.mu.Lock()
	items := k.pending
	if k.lost {
		items, k.gap = nil, true // they are in the snapshot
	}
	k.pending, k.spare, k.lost = nil, nil, false
	all := k.s.snapshot()
	k.s.mu.Unlock()
	if !k.gap {
		if err := k.write(items); err != nil {
			k.gap = true
			return err
		}
	}
	if err := k.file.Check(); err != nil {
		k.gap = true // what is appended to it is lost
		if errors.Is(err, journal.ErrInUse) {
			return err
		}
	}
	mark := k.file.Size()
	d, err := k.file.Begin()
	if err != nil {
		return err
	}
	n, err := k.draft(d, all)
	if err == nil && !k.gap {
		err = d.Copy(mark, k.file.Size())
	} else if err == nil {
		n, err = k.draftPending(d, n)
	}
	if err != nil {
		return errors.Join(err, d.Abort())
	}
	unsynced := k.settleSync() // of no matter if the file goes
	if err := d.Commit(); err != nil {
		k.gap = k.gap || unsynced != nil || k.file.Broken()
		return errors.Join(err, unsynced)
	}
	k.gap, k.dirty, k.items, k.syncedAt = false, false, n, time.Now()
	k.size.Store(k.file.Size())
	k.lookAgain = 0
	return nil
}

// draft writes a snapshot, and between its parts to the old file what changes meanwhile. It
// gives the number of items in the draft and those that will be copied to it.
func (k *keeper) draft(d *journal.Draft, all snapshot) (n int, err error) {
	// The order of the deaths, which the two lines of the graves do not have together.
	slices.SortFunc(all.graves, func(a, b *grave) int {
		return cmp.Compare(a.number, b.number)
	})
	w := writing{refused: k.refused}
	if all.forgotten > 0 {
		w.part(itemForgotten, binary.AppendUvarint(nil, all.forgotten))
		w.end()
	}
	flush := func() error {
		if err := d.Write(w.entries); err != nil {
			return err
		}
		w.entries = w.entries[:0]
		if k.gap {
			return nil
		}
		before := k.items
		if err := k.write(k.take()); err != nil {
			k.gap = true
			return err
		}
		n += k.items - before
		select {
		case err := <-k.syncing:
			if k.syncing = nil; err != nil {
				k.gap = true
				return err
			}
		default:
		}
		k.syncDue(time.Now())
		return nil
	}
	for part := range slices.Chunk(all.graves, bulk) {
		for _, gr := range part {
			w.item(&item{grave: gr})
		}
		w.end()
		if err := flush(); err != nil {
			return n, err
		}
	}
	for part := range slices.Chunk(all.records, bulk) {
		for _, rec := range part {
			w.item(&item{rec: rec})
		}
		w.end()
		if err := flush(); err != nil {
			return n, err
		}
	}
	return n + len(all.graves) + len(all.records), flush()
}

// draftPending writes to the draft what changed since the snapshot, for an old file that
// cannot take it.
func (k *keeper) draftPending(d *journal.Draft, n int) (int, error) {
	k.s.mu.Lock()
	items, lost := k.pending, k.lost
	k.pending = nil
	k.s.mu.Unlock()
	if lost {
		return n, errBehind
	}
	w := writing{refused: k.refused}
	w.add(items)
	return n + len(items), d.Write(w.entries)
}
