package server

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// childVariable makes the test binary a client, in a process of its own: with descriptors,
// memory and a share of the processor that are not those of the server. It has what the client is
// to do and what it needs to know, divided by new lines.
const childVariable = "ROSTER_TEST_CLIENT"

// child is what runs in the child.
func child(text string) error {
	part := strings.Split(text, "\n")
	switch part[0] {
	case "beat":
		return beat(part[1:])
	case "node":
		return neighbour(part[1])
	case "hold":
		return hold(part[1:])
	case "follow":
		return follow(part[1:])
	}
	return fmt.Errorf("a child that is to do %q", part[0])
}

// process is a child that runs.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // that it prints, to its end
}

// startChild runs the test binary as a child. The test must call end, or have read all lines.
func startChild(t *testing.T, what ...string) *process {
	t.Helper()
	return startChildBy(t, nil, what...)
}

// startChildBy starts it by a command that runs the one that follows.
func startChildBy(t *testing.T, by []string, what ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	by = append(slices.Clone(by), self)
	c := &process{t: t, cmd: exec.CommandContext(t.Context(), by[0], by[1:]...), lines: make(chan string, 64)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(what, "\n"), "GOMAXPROCS=1")
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the child
		defer close(c.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.lines <- lines.Text()
		}
	}()
	return c
}

// hear waits for a line that begins so and gives the rest of it.
func (c *process) hear(begin string) string {
	c.t.Helper()
	deadline := time.After(6 * patient)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("the client has ended without %q", begin)
			}
			if rest, ok := strings.CutPrefix(line, begin); ok {
				return rest
			}
			c.t.Logf("the client says %q", line)
		case <-deadline:
			c.t.Fatalf("the client does not say %q", begin)
		}
	}
}

func (c *process) say(line string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		c.t.Fatal(err)
	}
}

// end lets the child know that it is over and waits for it.
func (c *process) end() {
	c.t.Helper()
	c.in.Close()
	for range c.lines { // to its end
	}
	if err := c.cmd.Wait(); err != nil && c.t.Context().Err() == nil {
		c.t.Errorf("the client: %v", err)
	}
}
