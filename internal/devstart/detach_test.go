package devstart

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

const patient = time.Minute

func TestDetach(t *testing.T) {
	w := newWorld(t, "serve")
	info, started, err := w.detach(patient)
	if err != nil || !started {
		t.Fatalf("started %t, %v", started, err)
	}
	again, started, err := w.detach(patient)
	if err != nil || started || again != info {
		t.Errorf("found %+v, started %t, %v; want %+v", again, started, err, info)
	}
	w.end() // and with it the goroutine that waits for it
}

// TestDetachOfWhatFails: its last words are the error, or where to look.
func TestDetachOfWhatFails(t *testing.T) {
	_, _, err := newWorld(t, "fail").detach(patient)
	contains(t, err, "start local registry: no room\n  on this machine")
	_, _, err = newWorld(t, "silent").detach(patient)
	contains(t, err, "it ended at once (exit status 3)", "dev.log", "roster dev in a terminal")
}

// TestDetachBesideOneThatHangs: one that holds the place and does not answer is named, with
// how to end it.
func TestDetachBesideOneThatHangs(t *testing.T) {
	w := newWorld(t, "serve")
	lock, err := devfile.Acquire(t.Context(), w.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	_, _, err = w.detach(100 * time.Millisecond)
	contains(t, err, "does not answer within 100ms")

	l, err := net.Listen("tcp", "127.0.0.1:0") // it accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := announce(w.dir, l.Addr().(*net.TCPAddr).Port, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.detach(100 * time.Millisecond)
	contains(t, err, "does not answer", l.Addr().String(), "roster stop, or kill -9")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = Detach(ctx, DetachOptions{Binary: os.Args[0], TempDir: w.dir})
	contains(t, err, "context canceled")
}

// TestDetachWaitsForTheOther: one that is about to answer is waited for, and none started.
func TestDetachWaitsForTheOther(t *testing.T) {
	w := newWorld(t, "fail") // whatever is started fails
	lock, err := devfile.Acquire(t.Context(), w.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	announced := make(chan error, 1)
	time.AfterFunc(30*time.Millisecond, func() {
		port, stop, err := answer(os.Getpid())
		if err == nil {
			t.Cleanup(stop)
			err = announce(w.dir, port, os.Getpid())
		}
		announced <- err
	})
	info, started, err := w.detach(patient)
	if err := <-announced; err != nil {
		t.Fatal(err)
	}
	if err != nil || started || info.PID != os.Getpid() {
		t.Errorf("found %+v, started %t, %v", info, started, err)
	}
}

// TestDetachBesideASlowStart: where another one takes the place and its time, ours gives up,
// and that other one is waited for.
func TestDetachBesideASlowStart(t *testing.T) {
	w := newWorld(t, "yield")
	failed := make(chan error, 1)
	go func() {
		failed <- func() error {
			var pid int
			for pid == 0 {
				if text, err := os.ReadFile(filepath.Join(w.dir, yielding)); err == nil {
					pid, _ = strconv.Atoi(string(text)) // 0 while it is being written
				}
				if t.Context().Err() != nil {
					return t.Context().Err()
				}
				time.Sleep(time.Millisecond) // between two looks
			}
			lock, err := devfile.Acquire(t.Context(), w.dir)
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = lock.Close() })
			for devfile.Alive(pid) {
				time.Sleep(time.Millisecond) // between two looks
			}
			port, stop, err := answer(os.Getpid())
			if err != nil {
				return err
			}
			t.Cleanup(stop)
			time.Sleep(50 * time.Millisecond) // for it to give up too early, should it do that
			return announce(w.dir, port, os.Getpid())
		}()
	}()
	info, started, err := w.detach(patient)
	if err != nil || started || info.PID != os.Getpid() {
		t.Errorf("found %+v, started %t, %v", info, started, err)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
