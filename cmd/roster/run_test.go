package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// instances gives those of a service in the registry at the address.
func instances(t *testing.T, url, service string) []wire.Instance {
	t.Helper()
	c, err := client.New(client.Options{Addresses: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Service(t.Context(), service, client.ServiceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Instances
}

// registered waits until so many instances of the service are there.
func registered(t *testing.T, url, service string, n int) []wire.Instance {
	t.Helper()
	var list []wire.Instance
	eventually(t, fmt.Sprintf("%d instances of %s", n, service), func() bool {
		list = instances(t, url, service)
		return len(list) == n
	})
	return list
}

// gone waits until the service has no instance, and gives why the last one left.
func gone(t *testing.T, url, service string) wire.Event {
	t.Helper()
	registered(t, url, service, 0)
	c, err := client.New(client.Options{Addresses: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Events(t.Context(), client.EventsOptions{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Events) == 0 {
		t.Fatalf("there is no event of %s", service)
	}
	return got.Events[len(got.Events)-1]
}

var pidLine = regexp.MustCompile(`(?m)^pid (\d+)$`)

// commandPID gives the process of the listener that roster run has started.
func (p *process) commandPID() int {
	p.t.Helper()
	pid := 0
	eventually(p.t, "the command has started", func() bool {
		m := pidLine.FindStringSubmatch(p.out.String())
		if m == nil {
			return false
		}
		var err error
		pid, err = strconv.Atoi(m[1])
		return err == nil
	})
	p.t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) }) // it has ended, most often
	return pid
}

// TestRun is the life of a command: it gets a port, is registered once it accepts, gets the
// signals, and its end is that of the instance and of roster run.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.dev()
	p := w.start("run", "--name", "auth", "--meta", "team=blue", "--", "listener")
	in := registered(t, url, "auth", 1)[0]
	pid := p.commandPID()
	if in.PID != pid || in.Address != "127.0.0.1" || in.Port < 20000 || in.Port > 26999 || in.Metadata["team"] != "blue" {
		t.Errorf("registered %+v, the process is %d", in, pid)
	}
	output := fmt.Sprintf("pid %d\nlistening at 127.0.0.1:%d\n", pid, in.Port)
	message := fmt.Sprintf("roster: auth/%s is registered at 127.0.0.1:%d\n", in.InstanceID, in.Port)
	eventually(t, "both have said what they have to", func() bool { return p.out.String() == output && p.err.String() == message })
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGTERM} {
		p.signal(sig)
		eventually(t, "the command gets "+sig.String(), func() bool { return strings.Contains(p.out.String(), "got "+sig.String()+"\n") })
	}
	if code := p.wait(); code != 7 {
		t.Errorf("exit status %d, want that of the command", code)
	}
	// The registry may see the end of the process before it is told.
	if e := gone(t, url, "auth"); e.Reason != "process_exited" && e.Reason != "deregistered" {
		t.Errorf("it left with %q, %q", e.Reason, e.Note)
	}
	if n := strings.Count(p.out.String(), "got terminated"); n != 1 {
		t.Errorf("the command got SIGTERM %d times", n)
	}
}

// TestRunEnds: how roster run ends with its command, whatever that does.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dev()
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"status":         {[]string{"--", "sh", "-c", "exit 5"}, 5, `^roster: the command ended \(exit status 5\) before anything accepted at port \d+; it was not registered\n$`},
		"success":        {[]string{"--", "true"}, 0, `before anything accepted`},
		"signal":         {[]string{"--", "sh", "-c", "kill -KILL $$"}, 137, `\(ended by signal: killed\)`},
		"not found":      {[]string{"--", "no-such-command"}, 127, `^roster: no-such-command: command not found\n$`},
		"not executable": {[]string{"--", "/etc/passwd"}, 126, `^roster: /etc/passwd: cannot be run: permission denied\n$`},
		"a folder":       {[]string{"--", "/etc"}, 126, `^roster: /etc: cannot be run: `},
		"no dashes":      {[]string{"sh", "-c", "exit 4"}, 4, `exit status 4`},
		"variables":      {[]string{"--port", "23456", "--env-var", "A", "--env-var", "B", "--", "sh", "-c", `test "$A$B$PORT" = 2345623456`}, 0, ``},
		"no address":     {[]string{"--", "sh", "-c", `test -z "$ROSTER_ADDRESS"`}, 0, ``},
		"no wait":        {[]string{"--wait", "0", "--", "sh", "-c", "sleep 0.2"}, 0, ``},
		"refused":        {[]string{"--wait", "0", "--ttl", "1000h", "--", "sleep", "600"}, 1, `(?s)roster: ending the command.*ttl`},
		"no name":        {[]string{"--name", "", "true"}, 2, `--name says`},
		"bad name":       {[]string{"--name", "a b", "true"}, 2, `--name "a b": want`},
		"bad port":       {[]string{"--port", "70000", "true"}, 2, `--port 70000`},
		"bad wait":       {[]string{"--wait=-1s", "true"}, 2, `--wait -1s`},
		"nothing":        {nil, 2, `give a command to run, or the --port`},
		"both":           {[]string{"--pid", "1", "true"}, 2, `leave the command out`},
		"no process":     {[]string{"--port", "1", "--pid", "99999999"}, 3, `no process of this machine has the number 99999999`},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			_, stderr, code := w.run(append([]string{"run", "--name", "n"}, c.args...)...)
			if name == "no wait" {
				c.says = `^roster: n/\S+ is registered at 127\.0\.0\.1:\d+\n$`
			}
			if code != c.code || !regexp.MustCompile(c.says).MatchString(stderr) {
				t.Errorf("exit status %d, want %d; messages %q", code, c.code, stderr)
			}
		})
	}
}

// TestRunSeveral: several of one name are several instances, and the end of one leaves the
// others alone.
func TestRunSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.dev()
	const n = 4
	all := make([]*process, n)
	for i := range all {
		all[i] = w.start("run", "--name", "web", "listener")
	}
	ports := map[int]bool{}
	for _, in := range registered(t, url, "web", n) {
		ports[in.Port] = true
	}
	if len(ports) != n {
		t.Errorf("ports %v", ports)
	}
	if err := syscall.Kill(all[0].commandPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := all[0].wait(); code != 137 {
		t.Errorf("exit status %d, want 137", code)
	}
	registered(t, url, "web", n-1)
	for _, p := range all[1:] {
		p.signal(syscall.SIGTERM)
		p.wait()
	}
	gone(t, url, "web")
}

// TestRunStubborn: a command that does not end when it is asked to is not killed, until it is
// asked again after some time.
func TestRunStubborn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "STUBBORN=1000")
	_, url := w.dev()
	p := w.start("run", "--name", "web", "listener")
	registered(t, url, "web", 1)
	p.signal(syscall.SIGTERM)
	eventually(t, "it is said that the command goes on", func() bool { return strings.Contains(p.err.String(), "asking once more ends it by force") })
	if !p.running() || len(instances(t, url, "web")) != 1 {
		t.Fatal("the command was ended by force, or deregistered, at the first request")
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 137 {
		t.Errorf("exit status %d, want 137", code)
	}
	gone(t, url, "web")
}

// TestRunRemote: with an address the command is told of the registry.
func TestRunRemote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.dev()
	w.env = append(w.env, "ROSTER_ADDRESS="+strings.TrimPrefix(url, "http://"))
	stdout, stderr, code := w.run("run", "--name", "web", "--", "sh", "-c", "echo $ROSTER_ADDRESS")
	if want := strings.TrimPrefix(url, "http://") + "\n"; code != 0 || stdout != want {
		t.Errorf("exit status %d, output %q, want %q; messages %q", code, stdout, want, stderr)
	}
}

// TestRunLate: that nothing accepts is said, and waited on.
func TestRunLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, url := w.dev()
	begin := w.temp + "/begin"
	p := w.start("run", "--name", "web", "--wait", "50ms", "--", "sh", "-c", "while ! test -e "+begin+"; do sleep 0.05; done; exec listener")
	eventually(t, "it is said that nothing accepts", func() bool { return strings.Contains(p.err.String(), "nothing accepts connections at port") })
	if len(instances(t, url, "web")) != 0 {
		t.Error("it is registered all the same")
	}
	if err := os.WriteFile(begin, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	registered(t, url, "web", 1)
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 7 {
		t.Errorf("exit status %d", code)
	}
}
