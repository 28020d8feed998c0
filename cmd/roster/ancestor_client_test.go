package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Clients of the daemon that came before Roster must work unchanged. Here they are: one in
// JavaScript over each of Node's two ways to speak HTTP, and one in Go, so that the
// contract is tested where there is no Node too.

// ask is a call as the ancestor's client names it, with its argument if it takes one.
type ask [2]any

// outcome is what came of it. The status is 0 where nothing was asked of the daemon, and
// -1 where there was none to ask; the body then says why.
type outcome struct {
	Status int
	Body   any
}

type ancestor func(t *testing.T, w *world, calls []ask) []outcome

func nodeAncestor(transport string) ancestor {
	return func(t *testing.T, w *world, calls []ask) []outcome {
		t.Helper()
		script, err := filepath.Abs("testdata/ancestor/client.js")
		if err != nil {
			t.Fatal(err)
		}
		list, err := json.Marshal(calls)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "node", script, transport, string(list))
		cmd.Env = w.env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("node: %v\n%s", err, &stderr)
		}
		var out []outcome
		for dec := json.NewDecoder(bytes.NewReader(text)); ; {
			var o outcome
			if err := dec.Decode(&o); errors.Is(err, io.EOF) {
				return out
			} else if err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			out = append(out, o)
		}
	}
}

// goAncestor does what testdata/ancestor/client.js does.
func goAncestor(t *testing.T, w *world, calls []ask) []outcome {
	t.Helper()
	var out []outcome
	for _, call := range calls {
		o, err := goAsk(w, call)
		if err != nil {
			o = outcome{-1, err.Error()}
		}
		out = append(out, o)
	}
	return out
}

func goAsk(w *world, call ask) (outcome, error) {
	info := goDiscovery(w)
	if call[0] == "discoveryInfo" {
		return outcome{0, info}, nil
	}
	fields, ok := info.(map[string]any)
	if !ok {
		return outcome{}, errors.New("no daemon")
	}
	base := fmt.Sprintf("http://%v:%v", fields["host"], fields["port"])
	send := func(method, where string, body any) (o outcome, err error) {
		var payload io.Reader
		if body != nil {
			text, err := json.Marshal(body)
			if err != nil {
				return o, err
			}
			payload = bytes.NewReader(text)
		}
		req, err := http.NewRequest(method, base+where, payload)
		if err != nil {
			return o, err
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := single.Do(req)
		if err != nil {
			return o, err
		}
		defer resp.Body.Close()
		o.Status = resp.StatusCode
		return o, json.NewDecoder(resp.Body).Decode(&o.Body)
	}
	health, err := send(http.MethodGet, "/health", nil)
	if err != nil {
		return outcome{}, err
	}
	if h, _ := health.Body.(map[string]any); h["ok"] != true || h["pid"] != fields["pid"] {
		return outcome{}, errors.New("another daemon")
	}
	switch call[0] {
	case "health":
		return health, nil
	case "resolve":
		return send(http.MethodGet, "/resolve/"+url.PathEscape(call[1].(string)), nil)
	case "list":
		return send(http.MethodGet, "/list", nil)
	}
	return send(http.MethodPost, "/"+call[0].(string), call[1])
}

func goDiscovery(w *world) (info any) {
	text, err := os.ReadFile(filepath.Join(w.temp, "svc-registry.json"))
	if err != nil || json.Unmarshal(text, &info) != nil {
		return nil
	}
	pid, _ := info.(map[string]any)["pid"].(float64)
	if p, err := os.FindProcess(int(pid)); err != nil || p.Signal(syscall.Signal(0)) != nil {
		return nil
	}
	return info
}

// ancestors runs a test with each client.
func ancestors(t *testing.T, test func(t *testing.T, speak ancestor)) {
	for name, speak := range map[string]ancestor{
		"Go": goAncestor, "Node over http": nodeAncestor("http"), "Node over fetch": nodeAncestor("fetch"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("node"); err != nil && strings.HasPrefix(name, "Node") {
				lacking(t, "node is not installed. On Debian or Ubuntu: apt-get install nodejs")
			}
			t.Parallel()
			test(t, speak)
		})
	}
}

// lacking skips a test for want of a program, but not where all must be there.
func lacking(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// like compares JSON with a pattern: the same members, of the same types and values. A
// string /…/ in the pattern is a regular expression for a string, "ms" is a time of
// about now in Unix milliseconds.
func like(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			return false
		}
		for name, value := range want {
			if member, ok := object[name]; !ok || !like(member, value) {
				return false
			}
		}
		return true
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !like(list[i], want[i]) {
				return false
			}
		}
		return true
	case string:
		if n, ok := got.(float64); ok && want == "ms" {
			at := time.UnixMilli(int64(n))
			return n == float64(int64(n)) && time.Since(at) > -time.Second && time.Since(at) < time.Minute
		}
		text, ok := got.(string)
		if len(want) > 1 && want[0] == '/' && want[len(want)-1] == '/' {
			return ok && regexp.MustCompile(want[1:len(want)-1]).MatchString(text)
		}
		return ok && text == want
	}
	return got == want
}
