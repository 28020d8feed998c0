package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// reopened gives what a restart on the file would find.
func reopened(t *testing.T, path string) string {
	t.Helper()
	b := begin(t, path, nil)
	defer b.end()
	return b.view()
}

// While the disk is full the store goes on in memory and says so once; when there is room
// again, the file gets all that lives, without a gap.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, d := statePath(t), newDisk()
		a := begin(t, path, d)
		a.register("before", time.Hour)
		pass(time.Second)
		d.full(100)
		for i := range 1000 {
			a.register(fmt.Sprint(i%20), time.Hour)
			pass(50 * time.Millisecond)
		}
		if _, failing := a.StateFile(); !failing || a.told("level=ERROR") != 1 || a.told("it cannot be written") != 1 {
			t.Errorf("failing %v, log:\n%s", failing, a.log)
		}
		if n := len(a.list().Records); n != 21 {
			t.Errorf("%d records live in memory", n)
		}
		d.full(-1)
		pass(retryLast)
		synctest.Wait()
		size, failing := a.StateFile()
		info, err := os.Stat(path)
		if failing || err != nil || size != info.Size() || a.told("written again") != 1 {
			t.Errorf("failing %v, %v, %d bytes, log:\n%s", failing, err, size, a.log)
		}
		a.register("after", time.Hour)
		want := a.view()
		a.end()
		if got := reopened(t, path); got != want {
			t.Errorf("the file holds\n%s\nwant\n%s", got, want)
		}
	})
}

// A disk that is still full at the end costs the latest changes, which is said; what is in
// the file opens.
func TestFullToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, d := statePath(t), newDisk()
		a := begin(t, path, d)
		a.register("before", time.Hour)
		synctest.Wait()
		want := a.view()
		d.full(0)
		a.register("after", time.Hour)
		a.end()
		if a.told("the latest changes are not in it") != 1 {
			t.Errorf("log:\n%s", a.log)
		}
		if got := reopened(t, path); got != want {
			t.Errorf("the file holds\n%s\nwant\n%s", got, want)
		}
	})
}

// A disk that takes its time blocks no write to the store, and takes no memory without
// bound: what is too much is written whole when the disk is back.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, d := statePath(t), newDisk()
		a := beginWith(t, path, d, never, 1000)
		gate := make(chan struct{})
		d.mu.Lock()
		d.gate = gate
		d.mu.Unlock()
		in := instance("a")
		for range 3 * a.keeper.queue {
			if _, err := a.Register(t.Context(), in, store.Grant{TTL: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		a.mu.Lock()
		pending, lost := len(a.keeper.pending), a.keeper.lost
		a.mu.Unlock()
		if pending != 0 || !lost {
			t.Errorf("%d changes wait", pending)
		}
		d.mu.Lock()
		d.gate = nil
		d.mu.Unlock()
		close(gate)
		pass(time.Minute)
		if a.told(errBehind.Error()) != 1 || a.told("written again") != 1 {
			t.Errorf("log:\n%s", a.log)
		}
		a.register("b", time.Hour)
		want := a.view()
		a.end()
		if got := reopened(t, path); got != want {
			t.Errorf("the file holds\n%s\nwant\n%s", got, want)
		}
	})
}

// A file that is rewritten over and over while many write loses nothing, and stays small.
func TestRewrittenUnderLoad(t *testing.T) {
	path := statePath(t)
	a := begin(t, path, newDisk())
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 1500 {
				in := instance(fmt.Sprint(w, "-", i%10))
				rec, err := a.Register(t.Context(), in, store.Grant{TTL: time.Hour})
				if err == nil && i%10 == w {
					_, err = a.Deregister(t.Context(), rec.Ref(), store.Reason{})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		a.register("last", time.Hour)
		time.Sleep(5 * time.Millisecond)
		a.mu.Lock()
		taken := len(a.keeper.pending) == 0 // and so all before it is written
		a.mu.Unlock()
		if size, _ := a.StateFile(); taken && size < 200<<10 {
			break
		}
	}
	want := a.view()
	a.end()
	size, _ := a.StateFile()
	if a.told("state file: rewritten") == 0 || size > 200<<10 || a.told("level=ERROR") != 0 {
		t.Errorf("%d bytes, log:\n%s", size, a.log)
	}
	if got := reopened(t, path); got != want {
		t.Errorf("the file holds\n%s\nwant\n%s", got, want)
	}
}

// What cannot be encoded lives on in memory, and nothing else suffers.
func TestNotText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := statePath(t)
		a := begin(t, path, nil)
		for _, version := range []string{"\xff", "\xfe", "1.0"} {
			in := instance(fmt.Sprintf("%x", version))
			in.Instance.Version = version
			if _, err := a.Register(t.Context(), in, store.Grant{TTL: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		a.end()
		if a.told("level=ERROR") != 1 || a.told("cannot be put into it") != 1 {
			t.Errorf("log:\n%s", a.log)
		}
		if b := begin(t, path, nil); len(b.list().Records) != 1 {
			t.Errorf("%d records came back", len(b.list().Records))
		}
	})
}

func TestOpenStateTells(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	a := begin(t, path, nil)
	if _, err := OpenState(path, nil); !errors.Is(err, ErrStateInUse) ||
		!strings.HasPrefix(err.Error(), "open state file: ") || !strings.Contains(err.Error(), fmt.Sprintf("(%d); stop that one", os.Getpid())) {
		t.Errorf("in use: %v", err)
	}
	for range 3 {
		a.register("a", time.Hour)
	}
	a.end()
	if _, err := OpenState(filepath.Join(dir, "none", "state"), nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make its folder") {
		t.Errorf("no folder: %v", err)
	}
	if _, err := OpenState(dir, nil); err == nil || !strings.Contains(err.Error(), "name another file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := OpenState(filepath.Join(path, "state"), nil); err == nil {
		t.Error("below a file it was opened")
	}
	full := newDisk()
	full.full(0)
	if _, err := openState(filepath.Join(dir, "full"), nil, full); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}

	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for text, change := range map[string]func([]byte) []byte{
		"the torn end of an interrupted write was cut off": func(b []byte) []byte { return b[:len(b)-3] },
		"cannot be read and was moved aside":               func(b []byte) []byte { b[0] = 'x'; return b },
		"damaged and was moved aside":                      func(b []byte) []byte { b[40] ^= 1; return b },
	} {
		if err := os.WriteFile(path, change(append([]byte{}, whole...)), 0o600); err != nil {
			t.Fatal(err)
		}
		b := begin(t, path, nil)
		if b.told(text) != 1 || b.told("file="+path) == 0 {
			t.Errorf("log:\n%s\nwant %q", b.log, text)
		}
		b.end()
	}
	if aside, err := filepath.Glob(path + ".corrupt-*"); err != nil || len(aside) != 2 {
		t.Errorf("aside are %v, %v", aside, err)
	}
}

// A State that no store was opened with can be let go.
func TestCloseState(t *testing.T) {
	path := statePath(t)
	for range 2 {
		st, err := OpenState(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}
