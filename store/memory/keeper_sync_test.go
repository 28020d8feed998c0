package memory

import (
	"testing"
	"testing/synctest"
	"time"
)

// A sync that fails while the file is rewritten is not forgotten where the new file cannot take
// the place of the old one: nothing is known of what the disk has of that.
func TestSyncFailsDuringARewrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, d := statePath(t), newDisk()
		st, err := openState(path, nil, d)
		if err != nil {
			t.Fatal(err)
		}
		f := open(t, Options{})
		f.register("a", time.Hour)
		// Its goroutine does not run: the test does what it would.
		k := &keeper{s: f.Store, file: st.file, log: st.log, queue: 100}
		k.buf.refused = k.refused
		for _, fails := range []bool{false, true} {
			outcome := make(chan error)
			k.syncing = outcome
			go func() {
				time.Sleep(time.Second)
				if !fails {
					outcome <- nil
					return
				}
				d.full(0) // and so does the sync of the new file
				outcome <- errFull
			}()
			if err := k.rewrite(); (err != nil) != fails || k.gap != fails {
				t.Errorf("fails %v: %v, gap %v", fails, err, k.gap)
			}
		}
		d.full(-1)
		if err := k.rewrite(); err != nil || k.gap {
			t.Errorf("when it works again: %v, gap %v", err, k.gap)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		if b := begin(t, path, nil); len(b.list().Records) != 1 || b.list().Records[0].Key.ID != "a" {
			t.Errorf("the file holds\n%s", b.view())
		}
	})
}
