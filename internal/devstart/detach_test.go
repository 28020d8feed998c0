package devstart

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

const patient = 20 * time.Second

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
