package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// runner runs one command as an instance.
type runner struct {
	s       *session
	c       *client.Client
	local   bool // the registry is this user's of this machine
	wait    time.Duration
	signals chan os.Signal
	grace   time.Duration
}

// endGrace is how long a command that was asked to end may take before the next request ends
// it by force.
const endGrace = 3 * time.Second

// choices is how often a port is chosen, where another program takes the one that was chosen
// before the command does.
const choices = 4

// tell tells people something; it says who, for the command writes to the same place.
func (s *session) tell(format string, args ...any) { s.env.say("roster: "+format, args...) }

// run runs the command, or follows the process that runs already. The error is a status when
// the command ran.
func (s *session) run(ctx context.Context, given runFlags, in wire.Registration, command []string) error {
	remote, err := s.remote()
	if err != nil {
		return err
	}
	if len(command) > 0 {
		if err := s.findCommand(command[0]); err != nil {
			return err
		}
	}
	// From here on signals are ours, and none is lost: the command may get them, or nobody.
	r := &runner{s: s, local: len(remote.Addresses) == 0, wait: given.wait, grace: endGrace, signals: make(chan os.Signal, 16)}
	signal.Notify(r.signals, passedOn()...)
	defer signal.Stop(r.signals)
	if r.c, err = s.keeping(remote); err != nil {
		return err
	}
	defer r.c.Close()
	if len(command) == 0 {
		return r.follow(ctx, in, given.pid)
	}
	return r.runCommand(ctx, in, command, given.variables, remote)
}

// runCommand runs the command, on another port where the one that was chosen was taken.
func (r *runner) runCommand(ctx context.Context, in wire.Registration, command, variables []string, remote client.Options) error {
	chosen := in.Port == 0
	if !chosen && r.wait > 0 {
		if at, taken := accepts(ctx, hosts(in.Address, r.local), in.Port); taken {
			return fmt.Errorf("run: port %d of %s is taken by a program that runs already; stop it, give another --port, or none for a free one", in.Port, at)
		}
	}
	for try := 0; ; try++ {
		if chosen {
			var err error
			if in.Port, err = choosePort(os.Getpid(), try); err != nil {
				return err
			}
		}
		c, err := r.s.startChild(command, setVariables(r.variables(variables, in.Port, remote)))
		if err != nil {
			return err
		}
		early, err := r.attend(ctx, in, c)
		if early && chosen && c.code != 0 && try+1 < choices && !free(in.Port) {
			r.s.tell("port %d was taken by another program in the meantime, trying another one", in.Port)
			continue
		}
		if early {
			r.s.tell("the command ended (%s) before anything accepted at port %d; it was not registered", c.how, in.Port)
		}
		if err != nil {
			return err
		}
		if c.code == 0 {
			return nil
		}
		return status(c.code)
	}
}

// variables gives what the command's environment has beside ours: its port, and where the
// registry is, if that was given. The local registry it finds as we did, also when that has
// moved.
func (r *runner) variables(names []string, port int, remote client.Options) map[string]string {
	set := map[string]string{}
	if !r.local {
		set["ROSTER_ADDRESS"] = strings.Join(remote.Addresses, ",")
		for name, value := range map[string]string{"ROSTER_CA": remote.CAFile, "ROSTER_CERT": remote.CertFile, "ROSTER_KEY": remote.KeyFile} {
			if value != "" {
				set[name] = value
			}
		}
	}
	for _, name := range names {
		set[name] = strconv.Itoa(port)
	}
	return set
}

// late says that nothing accepts at the port.
func (r *runner) late(port int) {
	r.s.tell("nothing accepts connections at port %d yet, so it is not registered; does the command listen on the port that it is given? Waiting on", port)
}

// attend looks after the command until it has ended, and tells whether that was early: of its
// own accord, and before it could be registered. The error is of an instance that the registry
// does not take, for which the command was ended.
func (r *runner) attend(ctx context.Context, in wire.Registration, c *child) (early bool, err error) {
	in.PID = c.pid
	within, stop := context.WithCancel(ctx)
	defer stop()
	t := &tenure{r: r}
	over := make(chan error, 1)
	go func() { over <- t.run(within, in) }()
	var asked time.Time
	var patience <-chan time.Time
	for ended := false; !ended; {
		select {
		case <-c.ended:
			ended = true
		case err = <-over:
			over = nil
			if err != nil {
				r.s.tell("ending the command, for it may not be registered")
				c.signal(politeEnd)
				asked, patience = time.Now(), time.After(r.grace)
			}
		case sig := <-r.signals:
			switch {
			case asksToEnd(sig) && !asked.IsZero() && time.Since(asked) >= r.grace:
				c.signal(os.Kill)
			case !terminalSends(sig):
				c.signal(sig)
			}
			if asksToEnd(sig) && asked.IsZero() {
				asked, patience = time.Now(), time.After(r.grace)
			}
		case <-patience:
			r.s.tell("the command (process %d) goes on although it was asked to end; asking once more ends it by force", c.pid)
		}
	}
	stop()
	if over != nil {
		if late := <-over; err == nil {
			err = late
		}
	}
	t.leave()
	return !t.was && err == nil && asked.IsZero(), err
}
