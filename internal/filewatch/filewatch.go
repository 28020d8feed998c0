// Package filewatch tells when files may have changed.
package filewatch

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// PollEvery is how often files are looked at even if nothing was heard of them: not
	// every file system tells of changes, and what failed may work by now.
	PollEvery = 5 * time.Second
	// settle is how long to wait from the first sign of a change, so that files that
	// belong together are read together.
	settle = 250 * time.Millisecond
)

// Watch follows files.
type Watch struct {
	Files []string // empty names are passed over
	// Look is called when the files may have changed: at the begin, soon after a sign of
	// a change, and from time to time. It is called by one goroutine, Run's.
	Look func()
	// Blind is told why changes are only seen by polling, where that is so; nil: nobody is.
	Blind func(error)
	// PollOnly leaves the signs of the file system out.
	PollOnly bool
}

// Run looks until ctx is done.
func (w Watch) Run(ctx context.Context) {
	if w.PollOnly {
		w.run(ctx, nil)
		return
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		if w.Blind != nil {
			w.Blind(err)
		}
		w.run(ctx, nil)
		return
	}
	defer watcher.Close()
	w.run(ctx, watcher)
}

func (w Watch) run(ctx context.Context, watcher *fsnotify.Watcher) {
	var events <-chan fsnotify.Event
	var lost <-chan error
	if watcher != nil {
		events, lost = watcher.Events, watcher.Errors
	}
	poll := time.NewTicker(PollEvery)
	defer poll.Stop()
	var settled <-chan time.Time
	w.look(watcher) // the files may have changed since they were loaded
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			w.look(watcher)
		case <-settled:
			settled = nil
			w.look(watcher)
		case <-events:
			settled = orAfter(settled, settle)
		case <-lost: //nolint:errcheck // events were lost, and so there were some
			settled = orAfter(settled, settle)
		}
	}
}

// orAfter gives the timer that runs already, if one does: a folder in which something
// changes all the time must not put the look off for ever.
func orAfter(running <-chan time.Time, d time.Duration) <-chan time.Time {
	if running != nil {
		return running
	}
	return time.After(d)
}

func (w Watch) look(watcher *fsnotify.Watcher) {
	if watcher != nil {
		w.follow(watcher)
	}
	w.Look()
}

// follow watches the folders of the files, not the files: they are replaced by renaming,
// or, as with secrets of Kubernetes, by turning a link to a whole folder. Folders that
// come back under the same name are watched again; one that cannot be watched is polled.
func (w Watch) follow(watcher *fsnotify.Watcher) {
	var folders []string
	for _, file := range w.Files {
		if file == "" {
			continue
		}
		folders = append(folders, filepath.Dir(file))
		if target, err := filepath.EvalSymlinks(file); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
	}
	for _, old := range watcher.WatchList() {
		if !slices.Contains(folders, old) {
			_ = watcher.Remove(old) // it is gone already
		}
	}
	for _, folder := range folders {
		_ = watcher.Add(folder) // else it is polled
	}
}
