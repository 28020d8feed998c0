package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const services = `{"revision":"k3.9","services":[
	{"serviceName":"auth","instances":3,"up":3},
	{"serviceName":"orders-and-payments","instances":12,"up":7},
	{"serviceName":"ratings","instances":4,"up":4,"degraded":true},
	{"serviceName":"web","instances":1,"up":0}]}`

func instances() string {
	return fmt.Sprintf(`{"revision":"k3.9","serviceName":"orders","instances":[
	{"serviceName":"orders","instanceId":"orders-7f3k2m9q","address":"10.0.0.7","port":3000,"version":"1.10","zone":"eu-1",
	 "weight":100,"status":"up","health":"passing","ttl":30000,"registeredAt":%d,"lastHeartbeat":%d,"revision":"k3.7"},
	{"serviceName":"orders","instanceId":"b","address":"fe80::1","port":80,
	 "weight":100,"status":"up","health":"suspect","ttl":30000,"registeredAt":%d,"lastHeartbeat":%d,"revision":"k3.8"},
	{"serviceName":"orders","instanceId":"c","address":"orders.example","port":65535,"version":"yes",
	 "weight":1,"status":"draining","health":"failing","ttl":2000,"registeredAt":%d,"lastHeartbeat":0,"revision":"k3.9"},
	{"serviceName":"orders","instanceId":"d","address":"10.0.0.8","port":3000,
	 "weight":1,"status":"out_of_service","health":"passing","ttl":2000,"registeredAt":%d,"lastHeartbeat":%d,"revision":"k3.9"}]}`,
		noon-26*3600*1000, noon-3000, noon-59_000, noon-61_000, noon-10*86400*1000, noon+5000, noon)
}

func TestLs(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{
		"GET /registry/services":                                           services,
		"GET /registry/services/orders":                                    instances(),
		"GET /registry/services/orders?meta.a=b%3Dc&status=up&tag=x&tag=y": `{"revision":"k3.9","serviceName":"orders","instances":[]}`,
	}))
	for name, args := range map[string][]string{
		"ls-services":       {"ls"},
		"ls-services-json":  {"ls", "-o", "json"},
		"ls-services-yaml":  {"ls", "-o", "yaml"},
		"ls-instances":      {"ls", "orders"},
		"ls-instances-yaml": {"ls", "orders", "-o", "yaml"},
		"ls-none":           {"ls", "orders", "--status", "up", "--tag", "x,y", "--meta", "a=b=c"},
	} {
		if code := w.run(args...); code != ExitOK {
			t.Errorf("%s: exit status %d", name, code)
		}
		w.golden(name)
	}
	w.terminal = true
	w.run("ls", "orders")
	w.golden("ls-instances-colour")
	coloured := w.out.String()
	for variable, value := range map[string]string{"NO_COLOR": "1", "TERM": "dumb"} {
		w.env[variable] = value
		if w.run("ls", "orders"); w.out.String() == coloured || strings.Contains(w.out.String(), "\x1b") {
			t.Errorf("coloured although %s is set", variable)
		}
		delete(w.env, variable)
	}
}

// checked gives instances of which a check found each thing that it may.
func checked() string {
	member := func(id, health, verdict string) string {
		return fmt.Sprintf(`{"serviceName":"orders","instanceId":%q,"address":"10.0.0.7","port":3000,"weight":100,"status":"up","health":%q,
		"check":{"type":"http","path":"/healthz","interval":10000,"timeout":2000,"failures":3,"successes":2,"onFailure":"evict"},
		"verdict":%s,"ttl":30000,"registeredAt":%d,"lastHeartbeat":%d,"revision":"k3.7"}`, id, health, verdict, noon-3600_000, noon-1000)
	}
	return `{"revision":"k3.9","serviceName":"orders","instances":[` + strings.Join([]string{
		member("fails", "failing", fmt.Sprintf(`{"why":"answered 503","node":"node-1","since":%d}`, noon-180_000)),
		member("new", "failing", `{"why":"not checked yet"}`),
		member("well", "passing", fmt.Sprintf(`{"why":"","node":"node-\u001b[5m2","since":%d}`, noon-3500_000)),
	}, ",") + `,` + strings.Replace(strings.Replace(one, "orders-7f3k2m9q", "without", 1), `"weight":50`, `"weight":100`, 1) + `]}`
}

// What a check found stands in the list, and for one instance in full.
func TestChecked(t *testing.T) {
	list := checked()
	alone := list[strings.Index(list, `[{`)+1:]
	w := newWorld(t).at(registry(t, map[string]string{
		"GET /registry/services/orders":       list,
		"GET /registry/services/orders/fails": alone[:strings.Index(alone, `,{"serviceName":"orders","instanceId":"new"`)],
	}))
	for name, args := range map[string][]string{"ls-checked": {"ls", "orders"}, "get-checked": {"get", "orders", "fails"}} {
		if code := w.run(args...); code != ExitOK {
			t.Errorf("%s: exit status %d: %s", name, code, &w.err)
		}
		w.golden(name)
	}
}

// Who is given an instance of which a check says that it is dead is told so.
func TestResolveDegraded(t *testing.T) {
	w := newWorld(t).at(handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Registry-Degraded", "true")
		_, _ = io.WriteString(w, one)
	}))
	if code := w.run("resolve", "orders"); code != ExitOK || !strings.Contains(w.err.String(), "Nearly all instances of the service fail their checks") ||
		w.out.String() != "10.0.0.7:3000\n" {
		t.Errorf("exit status %d, output %q, messages %q", code, &w.out, &w.err)
	}
}

func TestLsOfNothing(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{"GET /registry/services": `{"services":[]}`}))
	if code := w.run("ls"); code != ExitOK || w.out.Len() != 0 || w.err.String() != "No service is registered.\n" {
		t.Errorf("exit status %d, output %q, messages %q", code, &w.out, &w.err)
	}
}

func TestLsOfTheStale(t *testing.T) {
	w := newWorld(t).at(handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Registry-Stale", "true")
		w.Header().Set("Registry-Age", "125000")
		_, _ = io.WriteString(w, services)
	}))
	if code := w.run("ls"); code != ExitOK || !strings.Contains(w.err.String(), "cannot reach its backend; this is what it saw 2m ago") {
		t.Errorf("exit status %d, messages %q", code, &w.err)
	}
}

const one = `{"serviceName":"orders","instanceId":"orders-7f3k2m9q","address":"10.0.0.7","port":3000,
	"protocol":"http","version":"1.10","env":"prod","zone":"eu-1","role":"leader","weight":50,"tags":["blue","canary"],
	"metadata":{"team":"red","note":"\u001b[31mowned\u202e","a":"1"},"status":"up","health":"passing","pid":4711,
	"ttl":30000,"registeredAt":1772539200000,"lastHeartbeat":1772625597000,"revision":"k3.7"}`

func TestGetAndResolve(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{
		"GET /registry/services/orders/orders-7f3k2m9q":                  one,
		"GET /registry/resolve/orders":                                   one,
		"GET /registry/resolve/orders?key=u7&strategy=hash&version=1.10": one,
	}))
	for name, args := range map[string][]string{
		"get":      {"get", "orders", "orders-7f3k2m9q"},
		"get-json": {"get", "orders", "orders-7f3k2m9q", "--output", "json"},
		"get-yaml": {"get", "orders", "orders-7f3k2m9q", "--output=yaml"},
		"resolve":  {"resolve", "orders"},
	} {
		if code := w.run(args...); code != ExitOK {
			t.Errorf("%s: exit status %d: %s", name, code, &w.err)
		}
		w.golden(name)
	}
	if code := w.run("resolve", "orders", "--hash-key", "u7", "--version", "1.10"); code != ExitOK {
		t.Errorf("exit status %d: %s", code, &w.err)
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{
		"GET /registry/events": fmt.Sprintf(`{"revision":"k3.9","events":[
		{"revision":"k3.1","time":%d,"type":"put","serviceName":"orders","instanceId":"a","reason":"registered","actor":"local"},
		{"revision":"k3.2","time":%d,"type":"delete","serviceName":"orders","instanceId":"a","reason":"deregistered","note":"end of day","actor":"local"}]}`,
			noon-86400*1000, noon-1000),
		"GET /registry/events?instance=a&limit=5&service=orders": `{"events":[]}`,
	}))
	if code := w.run("events"); code != ExitOK {
		t.Errorf("exit status %d", code)
	}
	w.golden("events")
	if code := w.run("events", "orders", "a", "--limit", "5"); code != ExitOK || w.out.Len() != 0 {
		t.Errorf("exit status %d, output %q", code, &w.out)
	}
}

func TestHealth(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{
		"GET /health": `{"ok":true,"pid":4711}`,
		"GET /ready":  `{"status":"degraded","node":"n1","backend":"redis","revision":"k3.9","staleFor":12000,"held":3,"reasons":["backend out of reach"]}`,
	}))
	if code := w.run("health", "-o", "json"); code != ExitOK {
		t.Errorf("exit status %d", code)
	}
	w.golden("health-json")
	if code := w.run("health", "--ready", "--address", w.env["ROSTER_ADDRESS"]); code != ExitOK {
		t.Errorf("exit status %d", code)
	}
	if got := strings.ReplaceAll(w.out.String(), w.env["ROSTER_ADDRESS"], "URL"); !strings.Contains(got, "Status      degraded\nReasons     backend out of reach\nAddress     URL\n") {
		t.Errorf("output\n%s", got)
	}
	w.at(handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/ready?strict=true" {
			t.Errorf("asked %s", r.URL.RequestURI())
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(503)
		_, _ = io.WriteString(w, `{"status":"degraded","reasons":["backend out of reach"]}`)
	}))
	if code := w.run("health", "--strict"); code != ExitUnavailable || !strings.Contains(w.out.String(), "degraded") ||
		!strings.Contains(w.err.String(), "the registry says degraded; backend out of reach") {
		t.Errorf("exit status %d, output %q, messages %q", code, &w.out, &w.err)
	}
	w.at(nobody())
	if code := w.run("health", "--timeout", "2s"); code != ExitUnavailable || w.out.Len() != 0 {
		t.Errorf("exit status %d, output %q", code, &w.out)
	}
}
