package devstart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

// The variables that Ensure reads, from Options.Env.
const (
	// BinaryVariable names the program to start where Options.Binary does not.
	BinaryVariable = "ROSTER_BIN"
	// ForbidVariable, with any value but 0 and false, forbids to start a registry.
	ForbidVariable = "ROSTER_NO_START"
)

// ErrNotStarted: the program that starts a registry is not there, cannot be run, or has said
// why it starts none. Somebody has to do something about it.
var ErrNotStarted = errors.New("start local registry")

// ErrForbidden: no registry runs, and the environment forbids to start one.
var ErrForbidden = errors.New("no local registry is running, and " + ForbidVariable + " forbids to start one: start it with roster dev")

// Options say what [Ensure] starts. The zero value is for a program of this user's that is
// not roster itself.
type Options struct {
	// Binary is the roster program; if empty, ROSTER_BIN of Env, and then roster on the
	// PATH of this process.
	Binary string
	// TempDir is where the discovery file is; the system's folder for temporary files if
	// empty.
	TempDir string
	// Env is the environment of the registry, and holds the variables that Ensure reads;
	// that of this process if nil.
	Env []string
	// OnStart is called, if set, with a registry that was not running when Ensure was
	// called: this call or another one at the same time has started it.
	OnStart func(devfile.Info)
}

func (o Options) env() []string {
	if o.Env == nil {
		return os.Environ()
	}
	return o.Env
}

// getenv gives a variable of an environment; the last one counts, as it does for a process.
func getenv(env []string, name string) (value string) {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// Forbidden tells whether a value of ROSTER_NO_START forbids to start a registry.
func Forbidden(value string) bool { return value != "" && value != "0" && value != "false" }

// startTime bounds [Ensure]'s wait for the program that it runs: a little more than that
// one waits for the registry, so that its reason is heard.
const startTime = ReadyTimeout + 5*time.Second

// Ensure gives this user's local registry, which answers. Where none runs it starts one,
// with "roster dev --if-needed --detach": it outlives this process, and ends by itself when
// nobody has used it for half an hour. It may be called by many at once. The error says what
// to do; ErrForbidden, ErrNotStarted and devfile.ErrUntrusted can be told apart.
func Ensure(ctx context.Context, opts Options) (devfile.Info, error) {
	info, err := Find(ctx, opts.TempDir)
	if !retry(err) {
		return info, err
	}
	if Forbidden(getenv(opts.env(), ForbidVariable)) {
		if errors.Is(err, ErrNone) {
			err = ErrForbidden
		}
		return devfile.Info{}, err
	}
	binary, err := opts.binary()
	if err != nil {
		return devfile.Info{}, err
	}
	// More than once: the one that was started may be killed in the same moment.
	for range tries {
		if err = opts.start(ctx, binary); err != nil {
			return devfile.Info{}, err
		}
		if info, err = Find(ctx, opts.TempDir); err == nil {
			if opts.OnStart != nil {
				opts.OnStart(info)
			}
			return info, nil
		}
	}
	return devfile.Info{}, fmt.Errorf("start local registry: %s dev --detach says that one runs, and then: %w", binary, err)
}

// tries bounds how often Ensure starts a registry that is gone when it looks.
const tries = 3

func (o Options) binary() (string, error) {
	if o.Binary != "" {
		return o.Binary, nil
	}
	if named := getenv(o.env(), BinaryVariable); named != "" {
		return named, nil
	}
	path, err := exec.LookPath("roster")
	if err != nil {
		return "", fmt.Errorf("%w: %w; install roster, or name the program in %s", ErrNotStarted, err, BinaryVariable)
	}
	return path, nil
}

// start runs the program until it has said that a registry answers.
func (o Options) start(ctx context.Context, binary string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "dev", "--if-needed", "--detach")
	cmd.Env = inFolder(o.env(), o.TempDir)
	var said bytes.Buffer
	cmd.Stderr = &limited{to: &said, left: 16 << 10}
	// The registry writes to a log file. Should a program of that name hand our pipe on to
	// what it starts, that must not hold us up.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("start local registry: %s dev --detach: %w", binary, ctx.Err())
	}
	if text := strings.TrimPrefix(strings.TrimSpace(said.String()), "roster: "); text != "" {
		return fmt.Errorf("%w: %s", ErrNotStarted, text)
	}
	return fmt.Errorf("%w: %s dev --detach: %w", ErrNotStarted, binary, err)
}

// inFolder gives the environment with the folder for temporary files in it, if one is given:
// it is how the program is told where the discovery file is to be.
func inFolder(env []string, dir string) []string {
	if dir == "" {
		return env
	}
	env = append([]string(nil), env...)
	for _, name := range folderVariables {
		env = append(env, name+"="+dir)
	}
	return env
}

// limited keeps the beginning of what is written to it, and takes the rest without an error.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.to.Write(p[:n])
	return len(p), nil
}
