package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

// exchange is a call and the answer that it must get.
type exchange struct {
	call   ask
	status int
	want   string
}

func hold(t *testing.T, w *world, speak ancestor, exchanges []exchange) {
	t.Helper()
	var calls []ask
	for _, e := range exchanges {
		calls = append(calls, e.call)
	}
	got := speak(t, w, calls)
	if len(got) != len(calls) {
		t.Fatalf("%d outcomes of %d calls", len(got), len(calls))
	}
	for i, e := range exchanges {
		var want any
		if err := json.Unmarshal([]byte(e.want), &want); err != nil {
			t.Fatalf("%s: %v", e.want, err)
		}
		if got[i].Status != e.status || !like(got[i].Body, want) {
			t.Errorf("%v: %d %v, want %d %s", e.call, got[i].Status, got[i].Body, e.status, e.want)
		}
	}
}

type object = map[string]any

// TestAncestorsClients: every call of the ancestor's client, and the exact shape of its answer.
func TestAncestorsClients(t *testing.T) {
	t.Parallel()
	ancestors(t, func(t *testing.T, speak ancestor) {
		w := newWorld(t)
		hold(t, w, speak, []exchange{{ask{"discoveryInfo"}, 0, `null`}, {ask{"list"}, -1, `"no daemon"`}})
		p, _ := w.dev()
		pid := p.cmd.Process.Pid
		hold(t, w, speak, []exchange{
			{ask{"discoveryInfo"}, 0, fmt.Sprintf(`{"host":"127.0.0.1","port":%d,"pid":%d,"startedAt":"/^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$/"}`, w.port(), pid)},
			{ask{"health"}, 200, fmt.Sprintf(`{"ok":true,"pid":%d}`, pid)},
			{ask{"list"}, 200, `{"ok":true,"services":{}}`},
			{ask{"resolve", "auth-service"}, 404, `{"ok":false,"error":"not_found"}`},
			// As in the ancestor's manual.
			{ask{"register", object{"name": "auth-service", "port": 3001, "pid": nobodysPID()}}, 200, fmt.Sprintf(
				`{"ok":true,"instance":{"id":"/^127\\.0\\.0\\.1:3001:\\d{6}$/","name":"auth-service","host":"127.0.0.1","port":3001,"pid":%d,"meta":{},"lastSeen":"ms"}}`, nobodysPID())},
			{ask{"register", object{"name": "shop", "port": 3002, "host": "localhost", "id": "s-1", "meta": object{"a": []any{1, nil, "x"}, "b": object{"c": true}}}}, 200,
				`{"ok":true,"instance":{"id":"s-1","name":"shop","host":"localhost","port":3002,"pid":null,"meta":{"a":[1,null,"x"],"b":{"c":true}},"lastSeen":"ms"}}`},
			{ask{"register", object{"name": "shop", "port": 3003, "id": "s-2", "pid": os.Getpid()}}, 200,
				fmt.Sprintf(`{"ok":true,"instance":{"id":"s-2","name":"shop","host":"127.0.0.1","port":3003,"pid":%d,"meta":{},"lastSeen":"ms"}}`, os.Getpid())},
			{ask{"heartbeat", object{"name": "shop", "id": "s-1"}}, 200,
				`{"ok":true,"instance":{"id":"s-1","name":"shop","host":"localhost","port":3002,"pid":null,"meta":{"a":[1,null,"x"],"b":{"c":true}},"lastSeen":"ms"}}`},
			{ask{"heartbeat", object{"name": "shop", "id": "unknown"}}, 200, `{"ok":true,"instance":null}`},
			{ask{"unregister", object{"name": "shop", "id": "unknown"}}, 200, `{"ok":false}`},
			{ask{"list"}, 200, fmt.Sprintf(`{"ok":true,"services":{
				"auth-service":[{"id":"/^127/","host":"127.0.0.1","port":3001,"pid":%d,"meta":{},"lastSeen":"ms"}],
				"shop":[{"id":"s-1","host":"localhost","port":3002,"pid":null,"meta":{"a":[1,null,"x"],"b":{"c":true}},"lastSeen":"ms"},
				        {"id":"s-2","host":"127.0.0.1","port":3003,"pid":%d,"meta":{},"lastSeen":"ms"}]}}`, nobodysPID(), os.Getpid())},
			{ask{"unregister", object{"name": "shop", "id": "s-2"}}, 200, `{"ok":true}`},
			{ask{"resolve", "shop"}, 200,
				`{"ok":true,"instance":{"id":"s-1","name":"shop","host":"localhost","port":3002,"pid":null,"meta":{"a":[1,null,"x"],"b":{"c":true}},"lastSeen":"ms"}}`},
			{ask{"unregister", object{"name": "shop", "host": "localhost", "port": 3002}}, 200, `{"ok":true}`},
			{ask{"resolve", "shop"}, 404, `{"ok":false,"error":"not_found"}`},
			{ask{"register", object{"port": 3001}}, 400, `{"ok":false,"error":"/./"}`},
			{ask{"register", object{"name": "auth-service"}}, 400, `{"ok":false,"error":"/./"}`},
			{ask{"heartbeat", object{"name": "auth-service"}}, 400, `{"ok":false,"error":"/./"}`},
		})
	})
}

// TestAncestorsResolve: it gives the instance that was heard of last.
func TestAncestorsResolve(t *testing.T) {
	t.Parallel()
	ancestors(t, func(t *testing.T, speak ancestor) {
		w := newWorld(t)
		w.dev()
		register := func(id string) []exchange {
			return []exchange{{ask{"register", object{"name": "shop", "port": 3000, "id": id}}, 200, shop(id)}}
		}
		// A run of the script is longer than the millisecond that tells two apart.
		for _, step := range [][]exchange{register("s-1"), register("s-2"),
			{{ask{"resolve", "shop"}, 200, shop("s-2")}, {ask{"heartbeat", object{"name": "shop", "id": "s-1"}}, 200, shop("s-1")}},
			{{ask{"resolve", "shop"}, 200, shop("s-1")}}} {
			hold(t, w, speak, step)
		}
	})
}

func shop(id string) string {
	return `{"ok":true,"instance":{"id":"` + id + `","name":"shop","host":"127.0.0.1","port":3000,"pid":null,"meta":{},"lastSeen":"ms"}}`
}

// TestAncestorsTTL: an instance whose pid was never that of a process stays for its TTL
// and goes then; SVC_TTL says how long that is.
func TestAncestorsTTL(t *testing.T) {
	t.Parallel()
	ancestors(t, func(t *testing.T, speak ancestor) {
		const ttl = 1200 * time.Millisecond
		w := newWorld(t)
		w.env = append(w.env, fmt.Sprint("SVC_TTL=", ttl.Milliseconds()))
		_, url := w.dev()
		begun := time.Now()
		hold(t, w, speak, []exchange{{ask{"register", object{"name": "shop", "port": 3000, "id": "s-1", "pid": nobodysPID()}}, 200,
			strings.Replace(shop("s-1"), "null", fmt.Sprint(nobodysPID()), 1)}})
		eventually(t, "it is gone", func() bool {
			status, _ := get(url + "/resolve/shop")
			return status == http.StatusNotFound
		})
		if lived := time.Since(begun); lived < ttl {
			t.Errorf("it was gone after %s, its TTL is %s", lived, ttl)
		}
		hold(t, w, speak, []exchange{{ask{"heartbeat", object{"name": "shop", "id": "s-1"}}, 200, `{"ok":true,"instance":null}`}})
		if _, events := get(url + "/registry/events?service=shop"); !strings.Contains(events, `"reason":"expired"`) {
			t.Error(events)
		}
	})
}

// TestAncestorsRestart: a daemon that was killed is taken for gone, though its file is
// left, and the next one is found at its own port.
func TestAncestorsRestart(t *testing.T) {
	t.Parallel()
	ancestors(t, func(t *testing.T, speak ancestor) {
		w := newWorld(t)
		first, firstURL := w.dev()
		first.signal(syscall.SIGKILL)
		first.wait()
		if len(w.files()) == 0 {
			t.Fatal("the killed process left nothing behind: this test tests nothing")
		}
		hold(t, w, speak, []exchange{{ask{"discoveryInfo"}, 0, `null`}, {ask{"register", object{"name": "shop", "port": 3000}}, -1, `"no daemon"`}})
		second, secondURL := w.dev()
		if firstURL == secondURL {
			t.Errorf("both at %s", firstURL)
		}
		hold(t, w, speak, []exchange{
			{ask{"health"}, 200, fmt.Sprintf(`{"ok":true,"pid":%d}`, second.cmd.Process.Pid)},
			{ask{"register", object{"name": "shop", "port": 3000, "id": "s-1"}}, 200, shop("s-1")},
		})
		second.signal(syscall.SIGTERM)
		second.wait()
		hold(t, w, speak, []exchange{{ask{"discoveryInfo"}, 0, `null`}})
	})
}

// port gives the port of the local registry.
func (w *world) port() int {
	w.t.Helper()
	info, _, err := devfile.Read(w.temp)
	if err != nil {
		w.t.Fatal(err)
	}
	return info.Port
}

// nobodysPID gives the number that the ancestor's manual registers, or one near it, that
// is no process's.
func nobodysPID() int {
	pid := 12345
	for devfile.Alive(pid) {
		pid += 1000
	}
	return pid
}
