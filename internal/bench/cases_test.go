package bench

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// smallFleet has the members that the case needs, without a server.
func smallFleet(c Case) *Fleet {
	f := &Fleet{members: map[string][]Registered{}}
	for n := range c.Services {
		name := service(c.Instances, n)
		for range c.Instances {
			f.members[name] = append(f.members[name], Registered{Service: name, ID: "i", Token: "secret", Heartbeat: []byte(`{"serviceName":"s","instanceId":"i"}`)})
		}
	}
	return f
}

func TestRequests(t *testing.T) {
	want := map[string]struct {
		count  int
		method string
		path   string // of the first
	}{
		"resolve-1":             {1, "GET", "/registry/resolve/bench-of-1-0000"},
		"resolve-10":            {1, "GET", "/registry/resolve/bench-of-10-0000"},
		"resolve-1000":          {1, "GET", "/registry/resolve/bench-of-1000-0000"},
		"resolve-1000-services": {1000, "GET", "/registry/resolve/bench-of-1-0000"},
		"heartbeat":             {1000, "POST", "/registry/heartbeat"},
		"list-10":               {1, "GET", "/registry/services/bench-of-10-0000"},
		"register":              {100, "POST", "/registry/register"},
	}
	all := Cases(BackendMemory)
	if len(all) != len(want) {
		t.Errorf("%d cases, want %d", len(all), len(want))
	}
	for _, c := range all {
		w, fleet := want[c.Name], smallFleet(c)
		ours, bare := c.requests("h:1", fleet), c.bareRequests("h:1", 417, fleet)
		for path, list := range map[string][]Request{w.path: ours, "/bare/417/" + w.path[len("/bare/417/"):]: bare} {
			if len(list) != w.count {
				t.Errorf("%s: %d requests of %s, want %d", c.Name, len(list), path, w.count)
			}
			req, body := parseRequest(t, list[0].Bytes)
			if req.Method != w.method || req.URL.Path != path || req.Host != "h:1" {
				t.Errorf("%s: %s %s of %s, want %s %s", c.Name, req.Method, req.URL.Path, req.Host, w.method, path)
			}
			if c.Name == "heartbeat" && (req.Header.Get(wire.HeaderToken) != "secret" || body != `{"serviceName":"s","instanceId":"i"}` || req.Header.Get("Content-Type") != "application/json") {
				t.Errorf("%s: headers %v, body %q", c.Name, req.Header, body)
			}
			if len(list[0].Contains) == 0 {
				t.Errorf("%s: nothing is looked for in the answers to %s", c.Name, path)
			}
		}
		for i := range bare {
			if len(bare[i].Bytes) != len(ours[i].Bytes) || i > 0 && w.method == "GET" && bytes.Equal(bare[i].Bytes, bare[i-1].Bytes) {
				t.Errorf("%s: request %d of the bare server is of another length, or like the one before: %q", c.Name, i, bare[i].Bytes)
			}
		}
	}
}

func TestCasesOfSharedBackends(t *testing.T) {
	for backend, heartbeat := range map[string]float64{BackendRedis: 0.70, BackendEtcd: 0.50} {
		want := []Case{
			{Name: "resolve-10", Against: ServerMemory, Goal: 0.95},
			{Name: "resolve-1000", Against: ServerMemory, Goal: 0.95},
			{Name: "heartbeat", Against: ServerBare, Goal: heartbeat},
			{Name: "register", Against: backend + " alone"},
		}
		got := Cases(backend)
		if len(got) != len(want) {
			t.Fatalf("%s: %d cases, want %d", backend, len(got), len(want))
		}
		for i, w := range want {
			if c := got[i]; c.Name != w.Name || c.Backend != backend || c.Against != w.Against || c.Goal != w.Goal {
				t.Errorf("%s: case %s of %s against %s, goal %v, want %+v", backend, c.Name, c.Backend, c.Against, c.Goal, w)
			}
		}
	}
	for _, name := range caseNames() {
		_, memory := findCase(BackendMemory, name)
		_, redis := findCase(BackendRedis, name)
		if !memory && !redis && name != caseBatch && name != caseEviction && name != caseCold {
			t.Errorf("%s is a case of no backend", name)
		}
	}
}

func parseRequest(t *testing.T, raw []byte) (*http.Request, string) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(raw))
	req, err := http.ReadRequest(r)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || r.Buffered() > 0 {
		t.Fatalf("%q: %v, %d bytes behind it", raw, err, r.Buffered())
	}
	return req, string(body)
}

func TestChecks(t *testing.T) {
	two := &Case{Instances: 2}
	for _, tc := range []struct {
		check func(*Case, string, []byte) error
		body  string
		good  bool
	}{
		{checkInstance, `{"serviceName":"s","port":1}`, true},
		{checkInstance, `{"serviceName":"t","port":1}`, false},
		{checkInstance, `{"serviceName":"s"}`, false},
		{checkInstance, `{"serviceName":`, false},
		{checkList, `{"serviceName":"s","instances":[{},{}]}`, true},
		{checkList, `{"serviceName":"s","instances":[{}]}`, false},
		{checkList, `{"serviceName":"t","instances":[{},{}]}`, false},
		{checkList, `[]`, false},
		{checkHeartbeat, `{"ttl":30000,"tokenExpiresAt":0}`, true},
		{checkHeartbeat, `{}`, false},
		{checkHeartbeat, ``, false},
	} {
		if err := tc.check(two, "s", []byte(tc.body)); (err == nil) != tc.good {
			t.Errorf("%s: %v", tc.body, err)
		}
	}
}
