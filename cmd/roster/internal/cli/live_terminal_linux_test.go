package cli

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// The keyboard is given back also where nothing can be written any more.
func TestLeaveWithoutOutput(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo-terminals: %v", err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	settings := func() unix.Termios {
		t.Helper()
		s, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return *s
	}
	before := settings()
	x := &terminal{out: torn{}, in: line}
	if x.raw, err = term.MakeRaw(int(line.Fd())); err != nil || settings() == before {
		t.Fatalf("the keyboard was not taken over: %v", err)
	}
	if err := x.leave(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if settings() != before {
		t.Error("the keyboard stays as it was taken over")
	}
}

// torn takes nothing.
type torn struct{}

func (torn) Write([]byte) (int, error) { return 0, os.ErrClosed }
