package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// Env is what the commands see of the world around them. Zero members are those of the
// process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Terminal: standard output is a terminal, so colour is welcome.
	Terminal bool
	// ErrTerminal: standard error is one, so a line of progress may move.
	ErrTerminal bool
	// Now is the clock for ages; its location is that of printed times.
	Now func() time.Time
	// TempDir is where the discovery file of a local registry is looked for.
	TempDir string
	// Binary is the roster program that a local registry is started with; if empty none is
	// started.
	Binary string
}

func (e Env) filled() Env {
	if e.Stdin == nil {
		e.Stdin = os.Stdin
	}
	if e.Stdout == nil {
		e.Stdout = os.Stdout
	}
	if e.Stderr == nil {
		e.Stderr = os.Stderr
	}
	if e.Getenv == nil {
		e.Getenv = os.Getenv
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	return e
}

// colour tells whether output may be coloured; see https://no-color.org.
func (e Env) colour() bool {
	return e.Terminal && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}

// say tells people something, on a line of its own.
func (e Env) say(format string, args ...any) {
	fmt.Fprintf(e.Stderr, format+"\n", args...)
}

// Commands gives the client-side commands, to be added to the root. The root's context
// should end with an interrupt: that is how watch and register --keep are left.
func Commands(env Env) []*cobra.Command {
	env = env.filled()
	return []*cobra.Command{
		runCommand(env), registerCommand(env), heartbeatCommand(env), deregisterCommand(env),
		lsCommand(env), getCommand(env), resolveCommand(env),
		watchCommand(env), eventsCommand(env), explainCommand(env), healthCommand(env), stopCommand(env), dumpCommand(env), denialsCommand(env), overrideCommand(env), benchCommand(env),
	}
}
