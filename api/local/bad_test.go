package local_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/store"
)

// fault is a request that must be refused, and what is told; empty: anything.
type fault struct {
	method, path, body string
	opts               []option
	status             int
	want               string
}

// refuse sends a request, and fails the test unless it is refused as it must be, in the
// shape of the surface, and nothing registered is lost, changed or renewed by it.
func (d *daemon) refuse(f fault) reply {
	d.t.Helper()
	what := fmt.Sprintf("%s %s %.100s", f.method, f.path, f.body)
	before, left := d.image()
	res := d.do(f.method, f.path, f.body, append(f.opts, bad)...)
	var e map[string]any
	if err := json.Unmarshal([]byte(res.body), &e); err != nil || len(e) != 2 || e["ok"] != false || e["error"] == "" {
		d.t.Errorf("%s: %v: %s", what, err, res.body)
	}
	if res.status != f.status || f.want != "" && e["error"] != f.want {
		d.t.Errorf("%s: %d %q, want %d %q", what, res.status, e["error"], f.status, f.want)
	}
	after, now := d.image()
	if !reflect.DeepEqual(before, after) {
		d.t.Errorf("%s changed %v to %v", what, before, after)
	}
	for key := range left {
		if now[key] > left[key] {
			d.t.Errorf("%s renewed %v", what, key)
		}
	}
	return res
}

// image is all that the store holds, and how many nanoseconds each of it has to live.
func (d *daemon) image() (map[store.Key]store.Record, map[store.Key]int64) {
	d.t.Helper()
	snap, err := d.store.List(context.Background(), store.Selector{})
	if err != nil {
		d.t.Fatal(err)
	}
	records, left := map[store.Key]store.Record{{}: {Revision: snap.Revision}}, make(map[store.Key]int64)
	for _, r := range snap.Records {
		ttl, err := d.store.TimeToLive(context.Background(), []store.Ref{r.Ref()})
		if err != nil {
			d.t.Fatal(err)
		}
		records[r.Key], left[r.Key] = *r, int64(ttl[0])
	}
	return records, left
}

// inhabit registers something to be lost.
func inhabit(d *daemon) *daemon {
	d.t.Helper()
	d.register(`{"name":"auth","port":3001,"id":"a-1","pid":5,"meta":{"a":[1]}}`)
	d.register(`{"name":"auth","port":3002,"id":"a-2"}`)
	d.register(`{"name":"shop","port":3001,"id":"s-1"}`)
	return d
}

func repeated(n int, pattern string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = strings.ReplaceAll(pattern, "%d", fmt.Sprint(i))
	}
	return strings.Join(list, ",")
}

// writes are the routes with a body, each with one that it would take.
var writes = map[string]string{
	"/register":   `{"name":"auth","port":3001,"id":"a-1"}`,
	"/heartbeat":  `{"name":"auth","id":"a-1"}`,
	"/unregister": `{"name":"auth","id":"a-1"}`,
}

func TestBodiesThatAreNotJSON(t *testing.T) {
	d := inhabit(start(t, setup{}))
	for path, good := range writes {
		open := strings.TrimSuffix(good, "}")
		for _, c := range []struct{ body, want string }{
			{" ", "the body is not complete JSON"},
			{"null", "the body must be a JSON object"},
			{"[" + good + "]", "the body must be a JSON object"},
			{`"name"`, "the body must be a JSON object"},
			{"1", "the body must be a JSON object"},
			{open, ""},
			{`{"name":`, ""},
			{open + ",}", ""},
			{strings.ReplaceAll(good, `"`, `'`), ""},
			{"{name:1}", ""},
			{"\uFEFF" + good, ""},
			{"{\"name\":\"\xff\"}", ""},
			{"{\"\xff\":1}", ""},
			{`{"name":"\ud800"}`, ""},
			{"{\"name\":\"a\nb\"}", ""},
			{good + good, "the body holds more than one JSON value"},
			{good + "x", "the body holds more than one JSON value"},
			{good + "\x00", "the body holds more than one JSON value"},
			{open + `,"name":"auth"}`, "a name stands twice in one object"},
			{open + `,"x":{"y":1,"y":2}}`, "a name stands twice in one object"},
			{open + `,"n\u0061me":"auth"}`, "a name stands twice in one object"},
			{`{"x":` + strings.Repeat("[", 20_000), ""},
			{"\x1f\x8b\x08\x00", ""}, // the beginning of gzip
		} {
			d.refuse(fault{"POST", path, c.body, nil, 400, c.want})
		}
		for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "json", ";"} {
			d.refuse(fault{"POST", path, good, []option{header("Content-Type", contentType)}, 415, "send Content-Type: application/json"})
		}
		d.refuse(fault{"POST", path, "", nil, 415, ""})
		big := open + strings.Repeat(" ", 64<<10) + "}"
		for _, o := range []option{func(*http.Request) {}, func(r *http.Request) { r.ContentLength = -1 }} {
			d.refuse(fault{"POST", path, big, []option{o}, 413, "the body may have 65536 bytes"})
		}
		if path != "/unregister" {
			d.do("POST", path, good+strings.Repeat(" ", 64<<10-len(good)), header("Content-Type", "Application/JSON; charset=UTF-8")).want(200)
		}
	}
}

const (
	ruleName = "name must be 1 to 63 of A-Z a-z 0-9 . _ - and begin and end with a letter or digit"
	ruleID   = "id must be 1 to 128 of A-Z a-z 0-9 . _ : @ ~ + = - and not . or .."
	ruleHost = "host must be an IP address or a DNS name"
	rulePort = "port must be an integer from 1 to 65535"
	rulePID  = "pid must be an integer from 1 to 2147483647"
)

func TestMembers(t *testing.T) {
	d := inhabit(start(t, setup{}))
	bad := map[string][]string{
		"name": {`""`, `"-a"`, `"a b"`, `"a/b"`, `".."`, `"ä"`, `"a\u0000"`, `"a\n"`, `"` + strings.Repeat("a", 64) + `"`, `"` + strings.Repeat("a", 20_000) + `"`},
		"id":   {`"."`, `".."`, `"a b"`, `"a/b"`, `"é"`, `"a\u0000"`, `"` + strings.Repeat("a", 129) + `"`},
		"host": {`"a b"`, `"[::1]"`, `"1.2.3"`, `"127.0.0.1:80"`, `"http://a"`, `"a\u0000"`, `"fe80::1%lo"`, `"` + strings.Repeat("a", 300) + `"`},
		"port": {"0", "-1", "65536", "1.5", `"80"`, "1e3", "1.0", "true", "[]", "{}", "9223372036854775808", "1e400"},
		"pid":  {"0", "-1", "2147483648", "1.5", `"80"`, "1e3", "true", "[]", "9223372036854775808"},
	}
	rules := map[string]string{"name": ruleName, "id": ruleID, "host": ruleHost, "port": rulePort, "pid": rulePID}
	for _, c := range []struct {
		path    string
		members []string
	}{{"/register", []string{"name", "id", "host", "port", "pid"}}, {"/heartbeat", []string{"name", "id"}}, {"/unregister", []string{"name", "id", "port"}}} {
		for _, member := range c.members {
			for _, value := range bad[member] {
				d.refuse(fault{"POST", c.path, with(writes[c.path], member, value), nil, 400, rules[member]})
			}
			if member == "name" || member == "id" || member == "host" {
				for _, value := range []string{"5", "true", "[]", "{}", `["a"]`} {
					d.refuse(fault{"POST", c.path, with(writes[c.path], member, value), nil, 400, member + " must be a string"})
				}
			}
		}
	}
	for _, c := range []struct{ path, body, want string }{
		{"/register", `{}`, "name must be a string; " + rulePort},
		{"/register", `{"name":null,"port":null}`, "name must be a string; " + rulePort},
		{"/register", `{"port":3001,"id":"a-1"}`, "name must be a string"},
		{"/register", `{"name":"auth","id":"a-1"}`, rulePort},
		{"/register", `{"name":"-","port":"80","host":5,"id":"/","pid":0,"meta":[]}`,
			rulePort + "; host must be a string; " + rulePID + "; meta must be an object; " + ruleName + "; " + ruleID},
		{"/register", `{"name":"-","port":1,"host":"a b","id":"/"}`, ruleName + "; " + ruleID + "; " + ruleHost},
		{"/heartbeat", `{}`, "name must be a string; id must be a string"},
		{"/heartbeat", `{"name":"auth","id":null}`, "id must be a string"},
		{"/heartbeat", `{"name":"auth","id":""}`, ruleID},
		{"/heartbeat", `{"name":"-","id":"/"}`, ruleName + "; " + ruleID},
		{"/unregister", `{}`, "name must be a string"},
		{"/unregister", `{"name":"auth"}`, "id, or port with or without host, must say which instance"},
		{"/unregister", `{"name":"auth","id":""}`, "id, or port with or without host, must say which instance"},
		{"/unregister", `{"name":"auth","host":"127.0.0.1"}`, "id, or port with or without host, must say which instance"},
		{"/unregister", `{"name":"-","port":3001}`, ruleName},
	} {
		d.refuse(fault{"POST", c.path, c.body, nil, 400, c.want})
	}
}

// with gives a body in which the member has another value.
func with(body, member, value string) string {
	var v map[string]jsontext.Value
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		panic(err)
	}
	v[member] = jsontext.Value(value)
	if member == "port" {
		delete(v, "id") // or the port would not count
	}
	out, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return string(out)
}

// Members that are not known are left alone, as the clients of this surface expect.
func TestUnknownMembers(t *testing.T) {
	d := start(t, setup{})
	d.do("POST", "/register", `{"name":"auth","port":1,"id":"a-1","ttl":-5,"Name":5,"x":{"y":[null]}}`).want(200)
	d.do("POST", "/heartbeat", `{"name":"auth","id":"a-1","port":"any","meta":5,"now":1}`).want(400) // those that are known must be right
	d.do("POST", "/heartbeat", `{"name":"auth","id":"a-1","now":1}`).want(200)
	d.do("POST", "/unregister", `{"name":"auth","id":"a-1","why":"tired"}`).is(`{"ok":true}`)
}

// Paths and methods that the surface does not have.
func TestStrays(t *testing.T) {
	d := inhabit(start(t, setup{}))
	for path, allow := range map[string]string{"/register": "POST", "/heartbeat": "POST", "/unregister": "POST", "/resolve/auth": "GET", "/list": "GET", "/health": "GET"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if method == allow {
				continue
			}
			res := d.refuse(fault{method, path, "", nil, 405, "this path takes " + allow})
			if got := res.header.Get("Allow"); got != allow {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got, allow)
			}
		}
	}
	for _, path := range []string{"/register/", "/list/all", "/resolve", "/resolve/", "/resolve/auth/", "/resolve/auth/a-1", "/health/x"} {
		d.refuse(fault{"GET", path, "", nil, 404, "there is nothing at this path; GET /openapi.yaml describes the API"})
	}
	for _, name := range []string{"-", "..", "%2e%2e", "a%2Fb", "a%00b", "a%20b", "a+b", "%C3%A9", "%ff", strings.Repeat("a", 64), strings.Repeat("a", 5000)} {
		d.refuse(fault{"GET", "/resolve/" + name, "", nil, 400, ruleName})
	}
	if res := d.do("GET", "/nothing", "", bad); res.status != 404 || !strings.Contains(res.body, `"code":"not_found"`) {
		t.Errorf("a path of neither surface: %d %s", res.status, res.body)
	}
}

// every is a request of each operation.
var every = []fault{
	{method: "POST", path: "/register", body: writes["/register"]}, {method: "POST", path: "/heartbeat", body: writes["/heartbeat"]},
	{method: "POST", path: "/unregister", body: writes["/unregister"]}, {method: "GET", path: "/resolve/auth"},
	{method: "GET", path: "/list"}, {method: "GET", path: "/health"},
}

// A web page that the user has open gets nowhere, and a panic is told as no more than that.
func TestGuard(t *testing.T) {
	d := inhabit(start(t, setup{}))
	for _, f := range every {
		for _, host := range []string{"evil.example", "evil.example:8080", "127.0.0.1", "localhost:8081", "127.0.0.1.evil.example:8080"} {
			f.opts, f.status = []option{header("Host", host)}, 421
			f.want = "this registry is for this machine only: the Host must be 127.0.0.1:8080"
			d.refuse(f)
		}
		for _, o := range []option{header("Origin", "http://evil.example"), header("Origin", "null"), header("Sec-Fetch-Site", "cross-site"),
			header("Origin", "http://localhost:3000")} {
			f.opts, f.status, f.want = []option{o}, 403, "this registry does not serve pages of other origins"
			d.refuse(f)
		}
		if f.path != "/health" { // which promises no 500
			res := d.do(f.method, f.path, f.body, header(panics, "yes"))
			if res.status != 500 || strings.Contains(res.body, "secret") || !strings.HasPrefix(res.body, `{"ok":false,"error":"`) {
				t.Errorf("%s: %d %s", f.path, res.status, res.body)
			}
		}
	}
	d.do("GET", "/list", "", header("Host", "localhost:8080"), header("Origin", "http://localhost:8080")).want(200)
	d.do("GET", "/list", "", header("Host", "[::1]:8080")).want(200)
}
