package procwatch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// polling runs a test on a Watcher that polls a machine of the test's, in fake time.
func polling(t *testing.T, test func(t *testing.T, w *Watcher, f *fake)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := open(f, nil, 0)
		defer w.Close()
		test(t, w, f)
	})
}

// after lets some time pass, and gives who was told to have ended in it.
func after(w *Watcher, d time.Duration) []Identity {
	time.Sleep(d)
	synctest.Wait()
	return w.TakeEnded()
}

func TestPollTellsOnceWithinARound(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		f.begins(7, "100")
		id := w.Identify(7)
		w.Watch(id)
		w.Watch(id)
		if got := after(w, time.Hour); len(got) != 0 {
			t.Errorf("told of %q, which lives", got)
		}
		f.ends(7)
		if got := after(w, Every); !slices.Equal(got, []Identity{id}) {
			t.Errorf("told of %q, want %q", got, id)
		}
		if got := after(w, time.Hour); len(got) != 0 {
			t.Errorf("told again of %q", got)
		}
	})
}

// A pid that was given away is another process, however quickly that happened.
func TestPollSeesAReusedPid(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		f.begins(7, "100")
		old := w.Identify(7)
		w.Watch(old)
		after(w, time.Second)
		f.begins(7, "200")
		if got := after(w, Every); !slices.Equal(got, []Identity{old}) {
			t.Errorf("told of %q, want %q", got, old)
		}
		now := w.Identify(7)
		w.Watch(now)
		w.Watch(old) // as when it is read from a file
		if got := after(w, time.Second); now == old || !slices.Equal(got, []Identity{old}) {
			t.Errorf("told of %q, want %q, and not %q", got, old, now)
		}
	})
}

func TestWatchTellsOfWhoHasEndedAlready(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		f.begins(7, "100")
		id := w.Identify(7)
		f.ends(7)
		w.Watch(id)
		other := name{pid: 8, start: "1", boot: "boot0", space: "space1"}.identity()
		f.begins(8, "1")
		w.Watch(other)
		if got := after(w, 0); !slices.Equal(got, []Identity{id, other}) {
			t.Errorf("told of %q, want %q and %q at once", got, id, other)
		}
	})
}

// What cannot be judged is not told.
func TestWatchLeavesForeignersAlone(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		for _, id := range []Identity{"", "x", "7/100/boot1/space2", "7/100//space1"} {
			w.Watch(id)
		}
		if got := after(w, time.Minute); len(got) != 0 {
			t.Errorf("told of %q", got)
		}
		if d, p := w.Watching(); d+p != 0 {
			t.Errorf("%d and %d are watched", d, p)
		}
	})
}

func TestPollWaitsForWhoCannotBeSeen(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		f.begins(7, "100")
		id := w.Identify(7)
		w.Watch(id)
		f.hides(7, true)
		f.ends(7)
		if got := after(w, time.Minute); len(got) != 0 {
			t.Errorf("told of %q, which could not be seen", got)
		}
		f.hides(7, false)
		if got := after(w, Every); !slices.Equal(got, []Identity{id}) {
			t.Errorf("told of %q, want %q", got, id)
		}
	})
}

func TestReleaseEndsTheWatching(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		f.begins(7, "100")
		id := w.Identify(7)
		w.Watch(id)
		w.Release(id)
		w.Release(id)
		f.ends(7)
		if got := after(w, time.Minute); len(got) != 0 {
			t.Errorf("told of %q, which was released", got)
		}
		if d, p := w.Watching(); d+p != 0 {
			t.Errorf("%d and %d are watched", d, p)
		}
	})
}

// Nothing is looked at while nothing is polled.
func TestPollSleeps(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		looks := func() int { f.mu.Lock(); defer f.mu.Unlock(); return f.looks }
		f.begins(7, "100")
		id := w.Identify(7)
		w.Watch(id)
		after(w, 10*Every)
		before := looks()
		if before < 10 {
			t.Errorf("%d looks in ten rounds", before)
		}
		w.Release(id)
		after(w, time.Hour)
		if now := looks(); now != before {
			t.Errorf("%d looks at a process that is not watched", now-before)
		}
		w.Watch(id)
		f.ends(7)
		if got := after(w, 2*Every); !slices.Equal(got, []Identity{id}) {
			t.Errorf("told of %q, want %q", got, id)
		}
	})
}

// Very many processes are looked at less often, in a fifth of the time at most.
func TestPollIsModest(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		const many, minutes = 1000, 10
		for pid := 1; pid <= many; pid++ {
			f.begins(pid, "100")
			w.Watch(w.Identify(pid))
		}
		looks := func() int { f.mu.Lock(); defer f.mu.Unlock(); return f.looks }
		after(w, Every)
		before := looks()
		f.slows(time.Millisecond) // a round takes a second, and the next begins four later
		after(w, minutes*time.Minute)
		if n := looks() - before; n < 11*minutes*many || n > 13*minutes*many {
			t.Errorf("%d rounds in %d minutes, want %d", n/many, minutes, 12*minutes)
		}
		f.ends(500)
		if got := after(w, 10*time.Second); len(got) != 1 || PID(got[0]) != 500 {
			t.Errorf("told of %q, want process 500", got)
		}
	})
}

func TestClose(t *testing.T) {
	polling(t, func(t *testing.T, w *Watcher, f *fake) {
		f.begins(7, "100")
		id := w.Identify(7)
		w.Watch(id)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		f.ends(7)
		w.Watch(id)
		w.Release(id)
		if got := after(w, time.Minute); len(got) != 0 {
			t.Errorf("told of %q after the end", got)
		}
	})
}
