// Package child runs servers as child processes: away from the user's files, and not for
// longer than the process that started them.
package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Child is a server running as a child process.
type Child struct {
	cmd    *exec.Cmd
	log    string // file with its standard error
	exited chan struct{}
	err    error // of the exit; after exited
}

// stopWithin is how long a child may take to stop before it is killed.
const stopWithin = 10 * time.Second

// Start starts a binary with its temporary files, home and state under dir, and
// nothing of this process' environment but what tunes the Go runtime. Standard output
// goes to out. The caller stops it; on Linux it also ends when this process is killed.
func Start(dir string, out io.Writer, binary string, args ...string) (*Child, error) {
	c := &Child{
		cmd:    exec.Command(binary, args...),
		log:    filepath.Join(dir, filepath.Base(binary)+".log"),
		exited: make(chan struct{}),
	}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	defer log.Close() // the child has its own descriptor
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.Env, c.cmd.Dir = out, log, environment(dir), dir
	exit, err := spawn(c.cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	go func() {
		defer close(c.exited)
		c.err = <-exit
	}()
	return c, nil
}

// environment is that of a child: enough to run, and away from the user's files.
func environment(dir string) []string {
	env := []string{"HOME=" + dir, "TMPDIR=" + dir, "XDG_STATE_HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
	for _, name := range []string{"PATH", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// PID is the process ID.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Wait waits until the child has ended by itself, and gives the error of its exit.
func (c *Child) Wait() error {
	<-c.exited
	return c.err
}

// Stop asks the child to stop, waits, and kills it if it does not. It gives an error
// only if the child had ended by itself before.
func (c *Child) Stop() error {
	select {
	case <-c.exited:
		return c.Err()
	default:
	}
	// A child that ends between the check and the signal is as good as stopped.
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
		_ = c.cmd.Process.Kill()
		<-c.exited
	}
	return nil
}

// Err says how the child ended, with the last lines that it logged.
func (c *Child) Err() error {
	err := c.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("%s %s ended by itself: %w%s", filepath.Base(c.cmd.Path), strings.Join(c.cmd.Args[1:], " "), err, c.Tail())
}

// Tail gives the last lines of the child's log, each on a line of its own.
func (c *Child) Tail() string {
	log, err := os.ReadFile(c.log)
	if err != nil || len(log) == 0 {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return "\n  " + string(bytes.Join(lines[max(0, len(lines)-8):], []byte("\n  ")))
}

// ReadyWithin is how long a server may take to its first answer.
const ReadyWithin = 15 * time.Second

// Await polls until ask succeeds. It fails when the child ends or takes too long.
func (c *Child) Await(ctx context.Context, every time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, ReadyWithin)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.exited:
			return c.Err()
		default:
		}
		if sleep(ctx, every) != nil {
			return fmt.Errorf("await %s: %w%s", filepath.Base(c.cmd.Path), err, c.Tail())
		}
	}
}

// sleep waits for d or for the context's end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() // both may have come
	case <-ctx.Done():
		return ctx.Err()
	}
}
