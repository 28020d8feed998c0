package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const holderVariable = "JOURNAL_TEST_HOLD"

// TestMain makes this binary, where the variable names a journal, a process that has it
// open until its input ends.
func TestMain(m *testing.M) {
	path := os.Getenv(holderVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	o, err := try(path, nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if err := o.Write([]byte("\x03\x00\x00\x00half an en")); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	o := open(t, path)
	if _, err := try(path, nil); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("(%d)", os.Getpid())) {
		t.Errorf("a second time: %v", err)
	}
	if err := o.Write(entries(t, "still ours")); err != nil {
		t.Error(err)
	}
	o.Close()
	if o = open(t, path); !slices.Equal(o.held, []string{"still ours"}) {
		t.Errorf("held %q", o.held)
	}
}

// The lock of a process that is killed ends with it, and what it was writing is cut off.
func TestHolderIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, "one")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderVariable+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "open\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	if _, err := try(path, nil); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("(%d)", cmd.Process.Pid)) {
		t.Errorf("while it lives: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that we killed it
	if o := open(t, path); !slices.Equal(o.held, []string{"one"}) || o.Cut == 0 {
		t.Errorf("held %q, %+v", o.held, o.Found)
	}
}
