package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/wire"
)

// What stands just within the limits is taken, and comes back as it went in.
func TestWithinTheLimits(t *testing.T) {
	n := start(t, setup{})
	long := strings.Repeat("é", 64) // 128 bytes
	metadata := map[string]string{"a": strings.Repeat("v", 8191)}
	many := make(map[string]string)
	for i := range 64 {
		many[strings.Repeat("k", i+1)] = "line\r\n\ttab"
	}
	tags := make([]string, 64)
	for i := range tags {
		tags[i] = "tag"
	}
	ttl := func(ms int64) *int64 { return &ms }
	for name, reg := range map[string]wire.Registration{
		"least":     {ServiceName: "a", Port: 1},
		"names":     {ServiceName: strings.Repeat("a", 63), InstanceID: strings.Repeat("~", 128), Port: 65535},
		"odd names": {ServiceName: "0.._--9", InstanceID: "...:@~+=-_", Port: 1},
		"texts":     {ServiceName: "a", Port: 1, Protocol: long, Version: long, Env: long, Zone: long, Role: long, Status: "out_of_service"},
		"tags":      {ServiceName: "a", Port: 1, Tags: tags},
		"metadata":  {ServiceName: "a", Port: 1, Metadata: metadata},
		"entries":   {ServiceName: "a", Port: 1, Metadata: many},
		"numbers":   {ServiceName: "a", Port: 1, Weight: 10_000, PID: 1<<31 - 1, TTL: ttl(3_600_000)},
		"unicode":   {ServiceName: "a", Port: 1, Zone: "日本 \u00a0\u202e\U0001F600", Metadata: map[string]string{"ключ": "\u2028<&>\"\\"}},
		"IPv6":      {ServiceName: "a", Port: 1, Address: "2001:db8::1"},
		"DNS":       {ServiceName: "a", Port: 1, Address: "a_b.Example-1.internal."},
	} {
		res := n.in(t).do("POST", "/registry/register", reg).want(201)
		in := decode[wire.Registered](res).Instance
		same := in.ServiceName == reg.ServiceName && (reg.InstanceID == "" || in.InstanceID == reg.InstanceID) && in.Port == reg.Port &&
			in.Protocol == reg.Protocol && in.Version == reg.Version && in.Env == reg.Env && in.Zone == reg.Zone && in.Role == reg.Role &&
			len(in.Tags) == len(reg.Tags) && len(in.Metadata) == len(reg.Metadata) && in.PID == reg.PID
		for k, v := range reg.Metadata {
			same = same && in.Metadata[k] == v
		}
		if reg.Address != "" {
			same = same && in.Address == reg.Address
		} else {
			same = same && in.Address == "192.0.2.7" // the caller's own
		}
		if !same {
			t.Errorf("%s: sent %+v, got %s", name, reg, res.body)
		}
		path := res.header.Get("Location")
		if got := decode[wire.Instance](n.in(t).get(path).want(200)); got.InstanceID != in.InstanceID {
			t.Errorf("%s: at %s is %+v", name, path, got)
		}
	}
}

// A TTL below the minimum is raised and told; the other names of the address are taken.
func TestWhatIsGranted(t *testing.T) {
	n := start(t, setup{})
	for sent, granted := range map[string]int64{"1": 2000, "1999": 2000, "2000": 2000, "2001": 2001, "3600000": 3_600_000} {
		reg := decode[wire.Registered](n.do("POST", "/registry/register", registration("ttl:"+sent)))
		if reg.TTL != granted || reg.Instance.TTL != granted {
			t.Errorf("ttl %s: granted %d, shown %d, want %d", sent, reg.TTL, reg.Instance.TTL, granted)
		}
		beat := decode[wire.Heartbeat](n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200))
		if beat.TTL != granted {
			t.Errorf("ttl %s: a heartbeat says %d", sent, beat.TTL)
		}
	}
	for _, name := range []string{"address", "ip", "host"} {
		reg := decode[wire.Registered](n.do("POST", "/registry/register", registration(name+`:"10.9.8.7"`)).want(200))
		if reg.Instance.Address != "10.9.8.7" {
			t.Errorf("%s: the address is %q", name, reg.Instance.Address)
		}
	}
}

// Bodies over the limit are refused however their length is told, and those at it are read.
func TestBodySizes(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for i := range w.endpoints() {
		for name, length := range map[string]option{"with a length": func(*http.Request) {}, "without a length": chunked} {
			e := w.endpoints()[i]
			limit := 64 << 10
			if e.path == "/registry/heartbeats" {
				limit = 4 << 20
			}
			pad := func(n int) string { return e.good + strings.Repeat(" ", n-len(e.good)) }
			opts := []option{withToken(e.token), length}
			w.refuse(
				fault{name: e.path + " one byte over " + name, method: e.method, path: e.path, body: pad(limit + 1), opts: opts, want: "413 too_large"},
				fault{name: e.path + " far over " + name, method: e.method, path: e.path, body: pad(limit + 1<<20), opts: opts, want: "413 too_large"},
			)
			if res := w.in(t).do(e.method, e.path, pad(limit), opts...).want(200); e.path == "/registry/register" {
				w.orders = decode[wire.Registered](res) // with another token
			}
		}
	}
	// A body of 65 KiB of which every part would be good.
	w.refuse(fault{method: "POST", path: "/registry/register", want: "413 too_large",
		body: registration(`metadata:{` + repeated(64, `"k%d":"`+strings.Repeat("v", 1020)+`"`) + `}`)})
}

// A body that says that it is too large is refused before it has come.
func TestTooLargeIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{})
		never, end := io.Pipe()
		defer end.Close()
		began := time.Now()
		n.refused(fault{method: "POST", path: "/registry/register", want: "413 too_large", opts: []option{
			header("Content-Type", "application/json"),
			func(r *http.Request) { r.Body, r.ContentLength = never, 1<<20 },
		}})
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Second) // for which net/http keeps a connection that it closes
	})
}

// A batch has its own limits.
func TestBatchSizes(t *testing.T) {
	w := inhabit(start(t, setup{}))
	item := `{"serviceName":"orders","instanceId":"o-1","token":"` + w.orders.Token + `"}`
	list := func(n int) string { return `{"items":[` + strings.Repeat(item+",", n-1) + item + `]}` }
	w.refuse(
		fault{name: "10,001 items", method: "POST", path: "/registry/heartbeats", body: list(10_001), want: "400 invalid_request: items"},
		fault{name: "100,000 small items", method: "POST", path: "/registry/heartbeats", body: `{"items":[` + repeated(100_000, "%d") + `]}`,
			want: "400 invalid_request: items"},
		fault{name: "no items", method: "POST", path: "/registry/heartbeats", body: `{}`, want: "400 invalid_request: items"},
	)
	for _, value := range []string{"null", "{}", `"a"`, "1"} {
		w.refuse(fault{method: "POST", path: "/registry/heartbeats", body: `{"items":` + value + `}`, want: "400 invalid_request: items"})
	}
}
