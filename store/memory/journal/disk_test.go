package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A folder of a file system that cannot sync folders has to do as it is; one that is not there
// does not.
func TestSyncDir(t *testing.T) {
	if err := (system{}).SyncDir(t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := (system{}).SyncDir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	const unable = "/proc"
	d, err := os.Open(unable)
	if err != nil {
		t.Skipf("no folder here that cannot be synced: %v", err)
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) {
		t.Skipf("a sync of %s gives %v here, and not that it cannot be done", unable, err)
	}
	if err := (system{}).SyncDir(unable); err != nil {
		t.Error(err)
	}
}
