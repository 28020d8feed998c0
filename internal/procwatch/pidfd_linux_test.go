package procwatch

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// described skips the test, saying why, where the kernel has no descriptors of processes.
func described(t *testing.T) {
	t.Helper()
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Skipf("no descriptors of processes here: pidfd_open: %v", err)
	}
	_ = unix.Close(fd)
}

// openNow counts the descriptors of this process.
func openNow(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// No descriptor stays behind: not of one released, not of one that ended, not at the end.
func TestNoDescriptorIsLeft(t *testing.T) {
	described(t)
	children := make([]*child, 10)
	for i := range children {
		children[i] = start(t)
	}
	before := openNow(t)
	w := Open(Options{})
	defer w.Close()
	idle := openNow(t)
	for range 100 {
		for _, c := range children {
			w.Watch(identified(t, w, c.pid()))
		}
		if d, p := w.Watching(); d != len(children) || p != 0 {
			t.Fatalf("%d have descriptors and %d are polled", d, p)
		}
		for _, c := range children {
			w.Release(w.Identify(c.pid()))
		}
	}
	if now := openNow(t); now != idle {
		t.Errorf("%d descriptors after all were released, %d before", now, idle)
	}
	for _, c := range children {
		w.Watch(identified(t, w, c.pid()))
	}
	for _, c := range children[:5] {
		c.kill()
	}
	told(t, w, 5)
	if now := openNow(t); now != idle+5 {
		t.Errorf("%d descriptors while five are watched, %d before", now, idle)
	}
	_ = w.Close()
	if now := openNow(t); now != before {
		t.Errorf("%d descriptors after the end, %d before the beginning", now, before)
	}
}

// Beyond the number of descriptors that may be taken processes are polled, and get one when
// there is one again.
func TestTooFewDescriptors(t *testing.T) {
	described(t)
	w := opened(t, Options{Descriptors: 2})
	var ids []Identity
	children := map[Identity]*child{}
	for range 5 {
		c := start(t)
		id := identified(t, w, c.pid())
		w.Watch(id)
		ids, children[id] = append(ids, id), c
	}
	if d, p := w.Watching(); d != 2 || p != 3 {
		t.Fatalf("%d have descriptors and %d are polled, want 2 and 3", d, p)
	}
	children[ids[4]].kill()
	children[ids[0]].kill()
	got := told(t, w, 2)
	slices.Sort(got)
	want := []Identity{ids[0], ids[4]}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("told of %q, want %q", got, want)
	}
	eventually(t, "a descriptor for one that was polled", func() bool {
		d, p := w.Watching()
		return d == 2 && p == 1
	})
	for _, id := range ids[1:4] {
		children[id].kill()
	}
	told(t, w, 3)
}

// When this process may open no more files, nobody is told, and ends are seen all the same.
func TestNoFilesLeft(t *testing.T) {
	described(t)
	w := opened(t, Options{})
	children := make([]*child, 6)
	ids := make([]Identity, len(children))
	for i := range children {
		children[i] = start(t)
		ids[i] = identified(t, w, children[i].pid())
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// One more than the highest that is open, and one for looking.
	free, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(free)
	less := limit
	less.Cur = uint64(free) + 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &less); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		w.Watch(id)
	}
	d, p := w.Watching()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if d > 3 || d+p != len(children) {
		t.Errorf("%d have descriptors and %d are polled", d, p)
	}
	for _, c := range children {
		c.kill()
	}
	got := told(t, w, len(children))
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("told of %q, want %q", got, ids)
	}
}

// A descriptor that speaks of an end that nothing else shows is not believed: its process is
// polled from then on. So is every process once the descriptors say nothing more.
func TestDescriptorsAreDoubted(t *testing.T) {
	described(t)
	w := opened(t, Options{})
	c, d := start(t), start(t)
	id, other := identified(t, w, c.pid()), identified(t, w, d.pid())
	w.Watch(id)
	w.Watch(other)
	w.mu.Lock()
	token := w.watched[id].token
	w.mu.Unlock()
	w.readable(token)
	w.readable(token)
	if d, p := w.Watching(); d != 1 || p != 1 {
		t.Errorf("%d have descriptors and %d are polled, want one of each", d, p)
	}
	w.fds.close()
	eventually(t, "all are polled", func() bool {
		d, p := w.Watching()
		return d == 0 && p == 2
	})
	c.kill()
	if got := told(t, w, 1); !slices.Equal(got, []Identity{id}) {
		t.Errorf("told of %q, want %q", got, id)
	}
}
