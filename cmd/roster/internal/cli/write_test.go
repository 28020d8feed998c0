package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func registered() string {
	return fmt.Sprintf(`{"instance":{"serviceName":"orders","instanceId":"orders-7f3k2m9q","address":"127.0.0.1","port":3000,
	"weight":100,"status":"up","health":"passing","ttl":30000,"registeredAt":%d,"lastHeartbeat":%d,"revision":"k3.7"},
	"token":"c2VjcmV0","tokenExpiresAt":%d,"ttl":30000}`, noon, noon, noon+3600*1000)
}

func TestRegister(t *testing.T) {
	var body, token string
	w := newWorld(t).at(handle(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body, token = string(data), r.Header.Get("X-Instance-Token")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, registered())
	}))
	for name, args := range map[string][]string{
		"register":      {"register", "orders", "--port", "3000"},
		"register-json": {"register", "orders", "--port", "3000", "-o", "json"},
	} {
		if code := w.run(args...); code != ExitOK {
			t.Errorf("%s: exit status %d: %s", name, code, &w.err)
		}
		w.golden(name)
		if body != `{"serviceName":"orders","port":3000}` {
			t.Errorf("%s sent %s", name, body)
		}
	}

	w.env["ROSTER_TOKEN"] = "from-env"
	code := w.run("register", "orders", "--id", "o-1", "--host", "10.0.0.7", "--port", "3000", "--protocol", "http",
		"--version", "1.10", "--env", "prod", "--zone", "eu-1", "--role", "leader", "--weight", "50", "--status", "starting",
		"--tag", "blue,canary", "--tag", "x", "--meta", "a=b=c", "--meta", "empty=", "--ttl", "15s", "--pid", "4711")
	var got, want any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"serviceName":"orders","instanceId":"o-1","address":"10.0.0.7","port":3000,"protocol":"http",
		"version":"1.10","env":"prod","zone":"eu-1","role":"leader","weight":50,"status":"starting","tags":["blue","canary","x"],
		"metadata":{"a":"b=c","empty":""},"pid":4711,"ttl":15000}`), &want); err != nil {
		t.Fatal(err)
	}
	if code != ExitOK || !reflect.DeepEqual(got, want) {
		t.Errorf("exit status %d, sent %s", code, body)
	}
	if token != "from-env" {
		t.Errorf("with an ID, sent the token %q", token)
	}
	// A token in the environment is of some other instance when there is no ID yet; the
	// registry, not this command, judges a TTL.
	if w.run("register", "orders", "--port", "1", "--ttl", "-1s"); token != "" || !strings.Contains(body, `"ttl":-1000`) {
		t.Errorf("without an ID, sent the token %q and %s", token, body)
	}
}

// What the flags say of a check is what is sent; the registry has the defaults.
func TestRegisterChecked(t *testing.T) {
	var body string
	w := newWorld(t).at(handle(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body = string(data)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, strings.Replace(registered(), `"health":"passing"`, `"health":"failing","check":{"type":"http","path":"/healthz",
			"interval":10000,"timeout":2000,"failures":3,"successes":2,"onFailure":"evict"},"verdict":{"why":"not checked yet"}`, 1))
	}))
	for flags, want := range map[string]string{
		"--check tcp":                          `{"type":"tcp"}`,
		"--check http:/healthz?x=a:b":          `{"type":"http","path":"/healthz?x=a:b"}`,
		"--check grpc:example.v1.Orders":       `{"type":"grpc","path":"example.v1.Orders"}`,
		"--check http --check-interval 1500ms": `{"type":"http","interval":1500}`,
		"--check tcp --check-interval 5s --check-timeout 1s --check-failures 1 --check-successes 4 --check-evict": `{"type":"tcp","interval":5000,"timeout":1000,"failures":1,"successes":4,"onFailure":"evict"}`,
	} {
		if code := w.run(append([]string{"register", "orders", "--port", "3000"}, strings.Fields(flags)...)...); code != ExitOK {
			t.Errorf("%s: exit status %d: %s", flags, code, &w.err)
		}
		if body != `{"serviceName":"orders","port":3000,"check":`+want+`}` {
			t.Errorf("%s sent %s", flags, body)
		}
	}
	w.golden("register-checked")
}

// A pid that is none is told here: left out, it would be no mistake.
func TestRegisterNoPid(t *testing.T) {
	for _, pid := range []string{"0", "-1"} {
		w := newWorld(t)
		if code := w.run("register", "orders", "--port", "1", "--pid", pid); code != ExitUsage || !strings.Contains(w.err.String(), "--pid "+pid) {
			t.Errorf("--pid %s: exit status %d: %s", pid, code, &w.err)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	var token string
	w := newWorld(t).at(handle(t, func(w http.ResponseWriter, r *http.Request) {
		token = r.Header.Get("X-Instance-Token")
		_, _ = fmt.Fprintf(w, `{"ttl":30000,"tokenExpiresAt":%d}`, noon+5*60*1000)
	}))
	if code := w.run("heartbeat", "orders", "a", "--token", "flag"); code != ExitOK || token != "flag" {
		t.Errorf("exit status %d, token %q", code, token)
	}
	w.golden("heartbeat")
	w.env["ROSTER_TOKEN"] = "environment"
	if code := w.run("heartbeat", "orders", "a"); code != ExitOK || token != "environment" {
		t.Errorf("exit status %d, token %q", code, token)
	}
	if w.run("heartbeat", "orders", "a", "--token", "flag"); token != "flag" {
		t.Errorf("the environment won over the flag: token %q", token)
	}
}

func TestDeregister(t *testing.T) {
	var target, token string
	w := newWorld(t).at(handle(t, func(w http.ResponseWriter, r *http.Request) {
		target, token = r.Method+" "+r.URL.RequestURI(), r.Header.Get("X-Instance-Token")
		w.WriteHeader(http.StatusNoContent)
	}))
	w.env["ROSTER_TOKEN"] = "t"
	code := w.run("deregister", "orders", "a", "--reason", "moved")
	if code != ExitOK || target != "DELETE /registry/services/orders/a?reason=moved" || token != "t" ||
		w.out.Len() != 0 || w.err.String() != "Deregistered orders/a.\n" {
		t.Errorf("exit status %d, sent %s, output %q, messages %q", code, target, &w.out, &w.err)
	}
}

func TestUsage(t *testing.T) {
	w := newWorld(t).at("127.0.0.1:1")
	for _, test := range []struct{ line, want string }{
		{"register", "accepts 1 arg(s)"},
		{"register a b", "accepts 1 arg(s)"},
		{"register a --meta nonsense", "want KEY=VALUE"},
		{"register a --meta =x", "want KEY=VALUE"},
		{"register a --meta k=1 --meta k=2", "given twice"},
		{"register a --ttl 30", "invalid argument"},
		{"register a --ttl 1ns", "whole milliseconds"},
		{"register a --port eighty", "invalid argument"},
		{"register a --check script", "want tcp, http:/PATH or grpc:SERVICE"},
		{"register a --check tcp --check-interval 1ns", "whole milliseconds"},
		{"register a --check tcp --check-timeout 0s", "whole milliseconds"},
		{"register a --check tcp --check-failures 0", "--check-failures 0: want 1 or more"},
		{"register a --check-evict", "--check-evict says how to check"},
		{"register a --check-interval 5s", "--check-interval says how to check"},
		{"heartbeat a", "accepts 2 arg(s)"},
		{"heartbeat a b", "--token"},
		{"deregister a", "accepts 2 arg(s)"},
		{"get a", "accepts 2 arg(s)"},
		{"resolve", "accepts 1 arg(s)"},
		{"ls a b", "at most 1"},
		{"ls --zone z", "roster ls NAME"},
		{"ls -o xml", "table, json or yaml"},
		{"ls --nonsense", "unknown flag"},
		{"ls --address nonsense", "host:port"},
		{"ls --address a:1 --ca /does/not/exist", "CA bundle"},
		{"health x", "unknown command"},
		{"stop x", "unknown command"},
		{"stop --timeout soon", "invalid argument"},
	} {
		if code := w.run(strings.Fields(test.line)...); code != ExitUsage || !strings.Contains(w.err.String(), test.want) || w.out.Len() != 0 {
			t.Errorf("%s: exit status %d, messages %q, want %q", test.line, code, &w.err, test.want)
		}
	}
}

// The whole of --keep over HTTP: registered, renewed, and deregistered at the interrupt.
func TestRegisterKeep(t *testing.T) {
	w := newWorld(t)
	ctx, interrupt := context.WithCancel(w.ctx)
	w.ctx = ctx
	var calls []string
	w.at(handle(t, func(rw http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-Instance-Token"))
		switch r.URL.Path {
		case "/registry/register":
			_, _ = io.WriteString(rw, strings.ReplaceAll(registered(), `"ttl":30000`, `"ttl":300`))
		case "/registry/heartbeat":
			_, _ = io.WriteString(rw, `{"ttl":300}`)
			if len(calls) == 3 {
				interrupt()
			}
		}
	}))
	code := w.run("register", "orders", "--port", "3000", "--keep")
	want := []string{
		"POST /registry/register ", "POST /registry/heartbeat c2VjcmV0", "POST /registry/heartbeat c2VjcmV0",
		"DELETE /registry/services/orders/orders-7f3k2m9q?reason=stopped c2VjcmV0",
	}
	if code != ExitOK || !slices.Equal(calls, want) || !strings.Contains(w.out.String(), "c2VjcmV0") ||
		!strings.HasPrefix(w.err.String(), "Renewing orders/orders-7f3k2m9q every 100ms.") || !strings.HasSuffix(w.err.String(), "Deregistered.\n") {
		t.Errorf("exit status %d, called %q, output %q, messages %q", code, calls, &w.out, &w.err)
	}
}
