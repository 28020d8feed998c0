package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/roster-sd/roster/internal/devfile"
)

// TestScript runs the scripts of testdata/script: the command line as people use it. Each
// has a folder for temporary files of its own, and so its own local registry.
//
// Beside the commands of testscript, a script has
//
//	status N roster ARGS…   run it to its end; its exit status must be N
//	start NAME ARGS…        start roster with ARGS; it writes to NAME.out and NAME.log
//	ready                   wait until the local registry answers, and set ADDR to its address
//	until PATTERN FILE      wait until a line of the file matches
//	listens VAR NAME        wait until the server NAME serves, and set VAR to its address
//	interrupt NAME          send it SIGINT
//	hangup NAME             send it SIGHUP
//	kill9 NAME              send it SIGKILL, and wait
//	ended NAME N            wait until it has ended; its exit status must be N
//	token VAR               set VAR to the token in the JSON on stdout
//	field VAR NAME          set VAR to the string NAME in the JSON on stdout
//	port VAR ADDRESS        set VAR to the port of an address
//	web STATUS URL          get the page; the status must be so; the body is in web.out
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[processes{}] = map[string]*process{}
			env.Setenv("GORACE", hurry)
			env.Vars = append(env.Vars, noStart, testsProcess(), "XDG_STATE_HOME="+filepath.Join(env.WorkDir, ".state"))
			env.Defer(func() { endDaemon(t, env.Getenv("TMPDIR")) })
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": cmdStatus, "start": cmdStart, "ready": cmdReady, "until": cmdUntil, "listens": cmdListens,
			"interrupt": cmdInterrupt, "ended": cmdEnded, "token": cmdToken, "field": cmdField, "web": cmdWeb,
			"hangup": cmdHangup, "kill9": cmdKill9, "port": cmdPort,
		},
	})
}

// processes is the key of a script's processes.
type processes struct{}

func running(ts *testscript.TestScript) map[string]*process {
	return ts.Value(processes{}).(map[string]*process)
}

func positive(ts *testscript.TestScript, neg bool, args []string, n int, usage string) {
	if neg || len(args) < n {
		ts.Fatalf("usage: %s", usage)
	}
}

func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "status N command args...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	seen.text(ts.Name()+": "+strings.Join(args[1:], " "), ts.ReadFile("stderr"))
	if code != want {
		ts.Fatalf("exit status %d, want %d", code, want)
	}
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "start NAME args...")
	name := args[0]
	p := &process{cmd: exec.Command("roster", args[1:]...), ended: make(chan struct{})}
	out, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer out.Close()
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = out, log, ts.MkAbs(".")
	for _, key := range []string{"PATH", "TMPDIR", "HOME", "GORACE", "SVC_TTL", "PORT", "ROSTER_ADDRESS", "ROSTER_LOG_LEVEL", "ROSTER_NO_START", "XDG_STATE_HOME", testsVariable} {
		if v := ts.Getenv(key); v != "" {
			p.cmd.Env = append(p.cmd.Env, key+"="+v)
		}
	}
	ts.Check(p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the state says how it ended
	}()
	running(ts)[name] = p
	ts.Defer(func() {
		_ = p.cmd.Process.Kill() // fails where it has ended
		<-p.ended
		text := ts.ReadFile(name + ".log")
		seen.text(ts.Name()+": roster "+strings.Join(args[1:], " "), text)
		ts.Logf("[%s.log]\n%s", name, text)
	})
}

func cmdReady(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 0, "ready")
	wait(ts, "the local registry answers", func() bool {
		info, _, err := devfile.Read(ts.Getenv("TMPDIR"))
		if err != nil {
			return false
		}
		ts.Setenv("ADDR", info.Address())
		status, _ := get("http://" + info.Address() + "/ready")
		return status == http.StatusOK
	})
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "until PATTERN FILE")
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	wait(ts, args[0]+" in "+args[1], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[1]))
		return err == nil && pattern.Match(text)
	})
}

func cmdListens(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "listens VAR NAME")
	log := args[1] + ".log"
	cmdUntil(ts, false, []string{`"msg":"serving".*\n`, log})
	for line := range strings.Lines(ts.ReadFile(log)) {
		var entry struct{ Msg, Address, Admin string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
			ts.Setenv(args[0], entry.Address)
			ts.Setenv(args[0]+"_ADMIN", entry.Admin)
			return
		}
	}
	ts.Fatalf("no address in %s", log)
}

func started(ts *testscript.TestScript, name string) *process {
	p := running(ts)[name]
	if p == nil {
		ts.Fatalf("no process %q was started", name)
	}
	return p
}

func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 1, "interrupt NAME")
	ts.Check(started(ts, args[0]).cmd.Process.Signal(syscall.SIGINT))
}

func cmdHangup(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 1, "hangup NAME")
	ts.Check(started(ts, args[0]).cmd.Process.Signal(syscall.SIGHUP))
}

func cmdKill9(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 1, "kill9 NAME")
	p := started(ts, args[0])
	ts.Check(p.cmd.Process.Kill())
	<-p.ended
}

func cmdPort(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "port VAR ADDRESS")
	_, port, err := net.SplitHostPort(args[1])
	ts.Check(err)
	ts.Setenv(args[0], port)
}

func cmdEnded(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "ended NAME N")
	p := started(ts, args[0])
	wait(ts, args[0]+" has ended", func() bool { return !p.running() })
	if code := strconv.Itoa(p.cmd.ProcessState.ExitCode()); code != args[1] {
		ts.Fatalf("exit status %s, want %s", code, args[1])
	}
}

func cmdToken(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 1, "token VAR")
	cmdField(ts, false, []string{args[0], "token"})
	seen.token(ts.Name(), ts.Getenv(args[0]))
}

func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "field VAR NAME")
	var data map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &data))
	text, ok := data[args[1]].(string)
	if !ok {
		ts.Fatalf("stdout has no string %q", args[1])
	}
	ts.Setenv(args[0], text)
}

func cmdWeb(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, args, 2, "web STATUS URL")
	status, body := get(args[1])
	ts.Check(os.WriteFile(ts.MkAbs("web.out"), []byte(body), 0o600))
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("status %d, want %s: %s", status, args[0], body)
	}
}

func wait(ts *testscript.TestScript, what string, is func() bool) {
	if !poll(is) {
		ts.Fatalf("not within %s: %s", patient, what)
	}
}
