package memory

import (
	"errors"
	"time"

	"github.com/roster-sd/roster/store"
)

// After a failure the file is tried again after retryFirst, then twice as long each time, up
// to retryLast.
const (
	retryFirst = time.Second
	retryLast  = 30 * time.Second
)

// failed takes note that the file cannot be written, and gives the time until the next try.
// The store goes on in memory.
func (k *keeper) failed(err error) time.Duration {
	k.gap, k.dirty = true, false
	k.s.mu.Lock()
	k.pending, k.lost = nil, true
	k.s.mu.Unlock()
	if !k.failing.Swap(true) {
		k.retry = retryFirst
		k.log.Error("state file: it cannot be written; going on in memory, and trying again", "error", err)
	} else {
		k.retry = min(2*k.retry, retryLast)
		k.log.Debug("state file: it still cannot be written", "error", err)
	}
	k.retryAt = time.Now().Add(k.retry)
	return k.retry
}

func (k *keeper) recovered() {
	k.failing.Store(false)
	k.log.Info("state file: written again, with all that lives", "bytes", k.file.Size())
}

// finish makes the file hold everything, as far as it can be, and closes it. What cannot be
// appended is written anew.
func (k *keeper) finish() {
	err := k.settleSync()
	if err == nil && !k.failing.Load() {
		if err = k.file.Check(); err == nil {
			err = k.write(k.take())
		}
		if err == nil {
			err = k.file.Sync()
		}
	}
	if err != nil || k.failing.Load() {
		k.gap = true
		if again := k.rewrite(); again == nil {
			err = nil
			k.recovered()
		} else {
			err = errors.Join(err, again)
		}
	}
	if err = errors.Join(err, k.file.Close()); err != nil {
		k.log.Error("state file: the latest changes are not in it", "error", err)
	}
}

// refused tells once that something cannot be encoded: it lives on in memory alone.
func (k *keeper) refused(key store.Key, err error) {
	if !k.unencoded {
		k.unencoded = true
		k.log.Error("state file: something cannot be put into it, and a restart forgets it", "key", key.String(), "error", err)
	}
}

// StateFile tells the length of the state file in bytes, zero without one, and whether it
// cannot be written at present.
func (s *Store) StateFile() (bytes int64, failing bool) {
	if s.keeper == nil {
		return 0, false
	}
	return s.keeper.size.Load(), s.keeper.failing.Load()
}
