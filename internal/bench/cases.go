package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

// Case is one kind of request, the instances it is about, and the server that Roster is
// compared with.
type Case struct {
	Name    string
	Backend string // of Roster
	Against string // the name of the other server
	// Goal is the ratio to the other server's requests a second to reach; zero: none is set.
	Goal float64
	// Services and Instances say how many services the case is about and how many
	// instances each has.
	Services, Instances int

	method  string
	status  int // of an answer; 0: 200
	request func(host string, in Registered) []byte
	check   func(c *Case, service string, body []byte) error
}

// The names of the cases that are more than one request asked again and again.
const (
	caseRegister = "register"
	caseBatch    = "batch-heartbeat"
	caseEviction = "eviction"
)

// Cases gives the cases of a backend that compare two servers, in the order of the report.
// A resolve of a shared backend is compared with one of memory, since a catalog answers
// both; a registration with the backend's own writes, or with the bare server where
// there is no backend.
func Cases(backend string) []Case {
	const resolveGoal, sameGoal = 0.90, 0.95
	heartbeatGoal := map[string]float64{BackendMemory: 0.80, BackendRedis: 0.70, BackendEtcd: 0.50}
	against, goal := ServerBare, resolveGoal
	if backend != BackendMemory {
		against, goal = ServerMemory, sameGoal
	}
	resolve := func(name string, services, instances int) Case {
		return Case{Name: name, Backend: backend, Against: against, Goal: goal, Services: services, Instances: instances,
			method: http.MethodGet, request: resolveRequest, check: checkInstance}
	}
	heartbeat := Case{Name: "heartbeat", Backend: backend, Against: ServerBare, Goal: heartbeatGoal[backend], Services: 1, Instances: 1000,
		method: http.MethodPost, request: heartbeatRequest, check: checkHeartbeat}
	register := Case{Name: caseRegister, Backend: backend, Against: ServerBare, Services: registerServices,
		method: http.MethodPost, status: http.StatusCreated, check: checkRegistered}
	if backend == BackendMemory {
		return []Case{
			resolve("resolve-1", 1, 1),
			resolve("resolve-10", 1, 10),
			resolve("resolve-1000", 1, 1000),
			resolve("resolve-1000-services", 1000, 1),
			heartbeat,
			{Name: "list-10", Backend: backend, Against: ServerBare, Services: 1, Instances: 10,
				method: http.MethodGet, request: listRequest, check: checkList},
			register, // the last, for it leaves instances
		}
	}
	register.Against = serverAlone(backend)
	return []Case{
		resolve("resolve-10", 1, 10),
		resolve("resolve-1000", 1, 1000),
		heartbeat,
		register,
	}
}

// caseNames gives the names of all cases of all backends.
func caseNames() []string {
	var names []string
	for _, c := range Cases(BackendMemory) {
		names = append(names, c.Name)
	}
	return append(names, caseBatch, caseEviction, caseCold)
}

func findCase(backend, name string) (Case, bool) {
	for _, c := range Cases(backend) {
		if c.Name == name {
			return c, true
		}
	}
	return Case{}, false
}

// service names the nth service with the given number of instances. Cases that need
// the same services share them.
func service(instances, n int) string { return fmt.Sprintf("bench-of-%d-%04d", instances, n) }

// requests makes the requests of the case: one for each instance where it says which,
// else one for each service.
func (c *Case) requests(host string, fleet *Fleet) []Request {
	if c.Name == caseRegister {
		return c.registrations(host)
	}
	var out []Request
	for n := range c.Services {
		name := service(c.Instances, n)
		members := fleet.Of(name)
		if c.method == http.MethodGet {
			members = members[:1]
		}
		for _, in := range members {
			out = append(out, Request{Bytes: c.request(host, in), Contains: c.contains(name)})
		}
	}
	return out
}

// contains is what every right answer about the service holds.
func (c *Case) contains(name string) []byte {
	if c.method == http.MethodPost {
		return []byte(`"ttl":`)
	}
	return fmt.Appendf(nil, `"serviceName":"%s"`, name)
}

// bareRequests makes the requests that ask the bare server for the same work: as many
// different ones, of the same length, for an answer of size bytes. What going round them
// costs the load is then no difference between the servers.
func (c *Case) bareRequests(host string, size int, fleet *Fleet) []Request {
	var out []Request
	for _, r := range c.requests(host, fleet) {
		out = append(out, Request{Bytes: bareRequest(r.Bytes, size), Contains: []byte(barePrefix)})
	}
	return out
}

// bareRequest is the request with another path of the same length.
func bareRequest(request []byte, size int) []byte {
	method, rest, _ := bytes.Cut(request, []byte(" "))
	path, rest, _ := bytes.Cut(rest, []byte(" "))
	bare := fmt.Appendf(nil, "/bare/%d/", size)
	// The end of a path tells one service from the other.
	for len(bare) < len(path) {
		bare = append(bare, path[len(bare)])
	}
	return bytes.Join([][]byte{method, bare, rest}, []byte(" "))
}

// barePrefix starts every body of the bare server.
const barePrefix = `{"pad":"`

func resolveRequest(host string, in Registered) []byte {
	return rawclient.Get(host, "/registry/resolve/"+in.Service)
}

func listRequest(host string, in Registered) []byte {
	return rawclient.Get(host, "/registry/services/"+in.Service)
}

func heartbeatRequest(host string, in Registered) []byte {
	return rawclient.Post(host, "/registry/heartbeat", in.Token, in.Heartbeat)
}

func checkInstance(_ *Case, service string, body []byte) error {
	var in wire.Instance
	if err := json.Unmarshal(body, &in); err != nil {
		return fmt.Errorf("check instance: %w", err)
	}
	if in.ServiceName != service || in.Port == 0 {
		return fmt.Errorf("check instance: not of %s: %.200q", service, body)
	}
	return nil
}

func checkList(c *Case, service string, body []byte) error {
	var s wire.Service
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("check list: %w", err)
	}
	if s.ServiceName != service || len(s.Instances) != c.Instances {
		return fmt.Errorf("check list: %d instances of %q, want %d of %s", len(s.Instances), s.ServiceName, c.Instances, service)
	}
	return nil
}

func checkHeartbeat(_ *Case, _ string, body []byte) error {
	var h wire.Heartbeat
	if err := json.Unmarshal(body, &h); err != nil {
		return fmt.Errorf("check heartbeat: %w", err)
	}
	if h.TTL <= 0 {
		return fmt.Errorf("check heartbeat: no TTL granted: %.200q", body)
	}
	return nil
}
