package tlsreload

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// pollEvery is how often the files are read even if nothing was heard of them: not
	// every file system tells of changes, and a failed reload may work by now.
	pollEvery = 5 * time.Second
	// settle is how long to wait from the first sign of a change, so that files that
	// belong together are read together.
	settle = 250 * time.Millisecond
)

// Run takes changes of the files into force until ctx is done, and says in the log what
// is about to expire. It always gives nil.
func (m *Material) Run(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		m.log().Warn("TLS files cannot be watched and are only polled", "error", err, "every", pollEvery)
		return m.run(ctx, nil)
	}
	defer watcher.Close()
	return m.run(ctx, watcher)
}

func (m *Material) run(ctx context.Context, watcher *fsnotify.Watcher) error {
	var events <-chan fsnotify.Event
	var lost <-chan error
	if watcher != nil {
		events, lost = watcher.Events, watcher.Errors
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var settled <-chan time.Time
	m.look(watcher) // the files may have changed since they were loaded
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
			m.look(watcher)
		case <-settled:
			settled = nil
			m.look(watcher)
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

func (m *Material) look(watcher *fsnotify.Watcher) {
	if watcher != nil {
		m.follow(watcher)
	}
	m.refresh()
	m.remind(m.now())
}

// follow watches the folders of the files, not the files: they are replaced by renaming,
// or, as with secrets of Kubernetes, by turning a link to a whole folder. Folders that
// come back under the same name are watched again; one that cannot be watched is polled.
func (m *Material) follow(watcher *fsnotify.Watcher) {
	var folders []string
	for _, file := range []string{m.files.CertFile, m.files.KeyFile, m.files.ClientCAFile, m.files.CRLFile} {
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
