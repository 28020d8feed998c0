package memory

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store/memory/journal"
)

// A state file, or its lock, that somebody removes or replaces while the registry runs is put
// back with the next change, or at the end, with all that lives.
func TestStateFileIsDisplaced(t *testing.T) {
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, displace := range map[string]func(t *testing.T, path string){
		"removed": remove,
		"replaced": func(t *testing.T, path string) {
			remove(t, path)
			if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"with its lock": func(t *testing.T, path string) {
			remove(t, path)
			remove(t, path+".lock")
		},
	} {
		for _, closed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					path := statePath(t)
					a := begin(t, path, newDisk())
					a.register("before", time.Hour)
					pass(time.Second)
					displace(t, path)
					if !closed {
						a.register("after", time.Hour)
						pass(10 * time.Second)
						if _, failing := a.StateFile(); failing || a.told(journal.ErrDisplaced.Error()) != 1 || a.told("written again") != 1 {
							t.Errorf("failing %v, log:\n%s", failing, a.log)
						}
						if _, err := OpenState(path, nil); !errors.Is(err, ErrStateInUse) {
							t.Errorf("another process: %v", err)
						}
					}
					want := a.view()
					a.end()
					if got := reopened(t, path); got != want {
						t.Errorf("the file holds\n%s\nwant\n%s", got, want)
					}
				})
			})
		}
	}
}

// Where the lock was removed and another process has taken it, the file is that one's.
func TestStateFileIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := statePath(t)
		a := begin(t, path, newDisk())
		a.register("first", time.Hour)
		pass(time.Second)
		if err := os.Remove(path + ".lock"); err != nil {
			t.Fatal(err)
		}
		b := begin(t, path, newDisk())
		b.register("second", time.Hour)
		pass(time.Second)
		for range 100 { // more than the slack: it would be rewritten
			a.register("third", time.Hour)
			pass(time.Second)
		}
		want := b.view()
		if a.told("level=ERROR") != 1 || a.told(journal.ErrInUse.Error()) == 0 || len(a.list().Records) != 2 {
			t.Errorf("log:\n%s", a.log)
		}
		a.end()
		b.end()
		if got := reopened(t, path); got != want {
			t.Errorf("the file holds\n%s\nwant\n%s", got, want)
		}
	})
}
