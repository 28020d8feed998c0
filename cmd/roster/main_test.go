package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/roster-sd/roster/internal/devfile"
)

// The tests of this package run the real program: the test binary is it, where it is
// called as roster.
func TestMain(m *testing.M) {
	if signal.Ignored(syscall.SIGHUP) {
		// As under nohup. What is ignored here is ignored in every program that a test starts, and
		// what has a handler here is not.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	testscript.Main(audited{m}, map[string]func(){
		"roster": func() {
			go endWithParent()
			main()
		},
		"listener": func() {
			go endWithParent()
			listener(os.Args[1:])
		},
	})
}

// testsVariable tells a program that a test starts which process the tests are.
const testsVariable = "TESTS_OF_ROSTER"

// endWithParent keeps a test that ends before its clean-up, by a panic or a time-out,
// from leaving daemons behind. One that was started in the background has no parent of ours:
// it looks for the process that the environment names.
func endWithParent() {
	parent := os.Getppid()
	tests, err := strconv.Atoi(os.Getenv(testsVariable))
	for range time.Tick(500 * time.Millisecond) {
		if err == nil && devfile.Alive(tests) {
			continue
		}
		if err == nil || os.Getppid() != parent {
			os.Exit(1)
		}
	}
}

// testsProcess is the variable that every program of a test is given.
func testsProcess() string { return testsVariable + "=" + strconv.Itoa(os.Getpid()) }

// audited looks, once all tests are over, for tokens in what the programs wrote, and for
// goroutines.
type audited struct{ m *testing.M }

func (a audited) Run() int {
	code := a.m.Run()
	if leaks := seen.leaks(); len(leaks) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: tokens were written where nobody asked for them:\n%s\n", strings.Join(leaks, "\n"))
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "FAIL:", err)
			code = 1
		}
	}
	return code
}

// seen gathers, over all tests of the package, the tokens that were handed out and what
// the programs wrote to their logs and messages, at debug level.
var seen evidence

type evidence struct {
	mu     sync.Mutex
	tokens map[string]string // and what it is a token of
	texts  []written
}

type written struct{ by, text string }

func (e *evidence) token(of, token string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tokens == nil {
		e.tokens = map[string]string{}
	}
	e.tokens[token] = of
	return token
}

func (e *evidence) text(by, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.texts = append(e.texts, written{by, text})
}

func (e *evidence) leaks() (found []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for token, of := range e.tokens {
		for _, w := range e.texts {
			if at := strings.Index(w.text, token); at >= 0 {
				line := w.text[strings.LastIndexByte(w.text[:at], '\n')+1:]
				line, _, _ = strings.Cut(line, "\n")
				found = append(found, fmt.Sprintf("of %s, by %s: %s", of, w.by, line))
			}
		}
	}
	return found
}

// TestEvidence: the audit at the end finds what it is for.
func TestEvidence(t *testing.T) {
	t.Parallel()
	var e evidence
	e.token("a test", "abc")
	e.text("one", "nothing\nof note\n")
	e.text("two", "a line\nwith abc in it\nand one after")
	if got := e.leaks(); len(got) != 1 || got[0] != "of a test, by two: with abc in it" {
		t.Errorf("found %q", got)
	}
}
