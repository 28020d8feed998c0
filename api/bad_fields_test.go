package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// registration gives the body of a registration in which the members given stand in for
// the usual ones, as "name:value"; a value of - leaves the member out.
func registration(members ...string) string {
	values := map[string]string{"serviceName": `"orders"`, "instanceId": `"o-1"`, "port": "8080"}
	names := []string{"serviceName", "instanceId", "port"}
	for _, m := range members {
		name, value, _ := strings.Cut(m, ":")
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value
	}
	var list []string
	for _, name := range names {
		if values[name] != "-" {
			list = append(list, fmt.Sprintf("%q:%s", name, values[name]))
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

func quoted(s string) string { return `"` + s + `"` }

// repeated gives n members or elements made of the pattern, in which %d counts.
func repeated(n int, pattern string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(pattern, i)
	}
	return strings.Join(list, ",")
}

// Values that no field takes, whatever its rule: they are of another type.
var wrongTypes = map[string][]string{
	"string":  {"null", "5", "true", "[]", "{}", `["a"]`},
	"integer": {"null", `"80"`, `""`, "true", "[]", "{}", "1.5", "1.0", "1e3", "1E0", "-1", "0", "-0", "9223372036854775808", "1e400", "99999999999999999999999"},
	"array":   {"null", `"a"`, "5", "{}", "true"},
	"object":  {"null", `"a"`, "5", "[]", "true"},
}

// Characters that no text takes, as they stand in JSON.
var controls = []string{`\u0000`, `\u0001`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u001b`, `\u007f`, `\u0085`, `\u009f`}

// badValues gives, for each field of a registration, values that break its rule.
func badValues() map[string][]string {
	bad := map[string][]string{
		"serviceName": {"-", `""`, `"-a"`, `"a-"`, `".a"`, `"a."`, `"_a"`, `".."`, `"a/b"`, `"a b"`, `"a%20b"`, `"a*"`, `"a:b"`, `"roster"`,
			`"ä"`, `"a\u202eb"`, quoted(strings.Repeat("a", 64)), quoted(strings.Repeat("a", 10_000))},
		"instanceId": {`""`, `"."`, `".."`, `"a/b"`, `"a b"`, `"a%20b"`, `"a\\b"`, `"a?b"`, `"a#b"`, `"é"`,
			quoted(strings.Repeat("a", 129)), quoted(strings.Repeat("a", 10_000))},
		"address": {`""`, `"a b"`, `"1.2.3"`, `"1.2.3.4.5"`, `"256.1.1.1"`, `"127.0.0.1:80"`, `"[::1]"`, `"fe80::1%eth0"`, `"::g"`,
			`"-a.example"`, `"a..example"`, `"."`, `"http://example"`, `"exämple"`, quoted(strings.Repeat("a", 64) + ".example"),
			quoted(strings.Repeat("a.", 127) + "b")},
		"port":   {"-", "65536", "70000"},
		"weight": {"10001", "65537", "65636"}, // the last is 100 in sixteen bits
		"pid":    {"2147483648", "4294967297"},
		"ttl":    {`"30s"`, `"30000"`, "3600001", "9223372036854775807", "9223372036855", "18446744073709551617"},
		"status": {`""`, `"UP"`, `"gone"`, `"up "`},
		"tags":   {"[1]", "[null]", `[["a"]]`, `[""]`, "[" + repeated(65, `"t%d"`) + "]", `["` + strings.Repeat("a", 129) + `"]`},
		"metadata": {`{"a":1}`, `{"a":null}`, `{"a":true}`, `{"a":{}}`, `{"a":["b"]}`, `{"":"x"}`, "{" + repeated(65, `"k%d":"v"`) + "}",
			`{"a":"` + strings.Repeat("v", 8192) + `"}`, "{" + repeated(9, `"%d":"`+strings.Repeat("v", 1000)+`"`) + "}",
			`{"` + strings.Repeat("k", 129) + `":"v"}`},
		"check": badChecks(),
	}
	for _, name := range []string{"protocol", "version", "env", "zone", "role"} {
		bad[name] = []string{quoted(strings.Repeat("a", 129)), quoted(strings.Repeat("é", 65))}
	}
	for name, kind := range map[string]string{"serviceName": "string", "instanceId": "string", "address": "string", "protocol": "string",
		"version": "string", "env": "string", "zone": "string", "role": "string", "status": "string",
		"port": "integer", "weight": "integer", "pid": "integer", "ttl": "integer", "tags": "array", "metadata": "object"} {
		bad[name] = append(bad[name], wrongTypes[kind]...)
		for _, c := range controls {
			switch {
			case kind == "string":
				bad[name] = append(bad[name], quoted("a"+c+"b"))
			case kind == "array":
				bad[name] = append(bad[name], `["a`+c+`b"]`)
			case kind == "object":
				bad[name] = append(bad[name], `{"a`+c+`b":"v"}`)
				if c != `\n` && c != `\r` && c != `\t` {
					bad[name] = append(bad[name], `{"a":"v`+c+`"}`)
				}
			}
		}
	}
	return bad
}

// badChecks gives checks of which some member breaks its rule.
func badChecks() []string {
	bad := []string{`{}`, `{"path":"/"}`, `{"type":"script"}`, `{"type":"HTTP"}`, `{"type":""}`, `{"type":null}`, `{"type":"tcp","path":"/"}`,
		`{"type":"tcp","script":"x"}`, `{"type":"http","headers":{"a":"b"}}`, `{"type":"http","url":"http://example.com/"}`,
		`{"type":"http","path":""}`, `{"type":"http","path":"a"}`, `{"type":"http","path":"//example.com/"}`, `{"type":"http","path":"/a b"}`,
		`{"type":"http","path":"/\r\nHost: x"}`, `{"type":"http","path":5}`, `{"type":"grpc","path":"a b"}`,
		`{"type":"tcp","interval":999}`, `{"type":"tcp","interval":3600001}`, `{"type":"tcp","timeout":99}`, `{"type":"tcp","timeout":60001}`,
		`{"type":"tcp","interval":2000,"timeout":2001}`, `{"type":"tcp","failures":11}`, `{"type":"tcp","successes":11}`,
		`{"type":"tcp","onFailure":"drop"}`, `{"type":"tcp","onFailure":""}`, `{"type":"tcp","onFailure":true}`}
	bad = append(bad, wrongTypes["object"]...)
	for _, name := range []string{"interval", "timeout", "failures", "successes"} {
		for _, value := range wrongTypes["integer"] {
			bad = append(bad, fmt.Sprintf(`{"type":"tcp",%q:%s}`, name, value))
		}
	}
	return bad
}

// Each field of a registration refuses what breaks its rule, and is named.
func TestRegistrationFields(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for name, values := range badValues() {
		for _, value := range values {
			n := w.in(t)
			n.unchanged(func() {
				_, p := n.in(t).refusedField(fault{method: "POST", path: "/registry/register", body: registration(name + ":" + value)})
				for _, e := range p.Errors {
					if at, _, _ := strings.Cut(strings.TrimRight(e.Field, "]0123456789["), "."); at != name {
						t.Errorf("%s %.80s: it names %q", name, value, e.Field)
					}
				}
			})
		}
	}
}

// refusedField sends a request that must be refused for what its fields hold.
func (n *node) refusedField(f fault) (reply, wire.Problem) {
	n.t.Helper()
	res := n.do(f.method, f.path, f.body, append(f.opts, bad)...)
	p := res.problem(400, wire.CodeInvalid)
	if len(p.Errors) == 0 {
		n.t.Errorf("%.200v: no field is named: %s", f.body, res.body)
	}
	return res, p
}

// Where a field is named by its place or under another name.
func TestRegistrationFieldNames(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for _, c := range []struct{ members, want string }{
		{`tags:["a",1,"b",null]`, "tags[1] tags[3]"},
		{`tags:["a",""]`, "tags[1]"},
		{`metadata:{"team":1,"x":"y","owner":null}`, "metadata.owner metadata.team"},
		{`metadata:{"team":"\u0000"}`, "metadata.team"},
		{`check:{}`, "check.type"},
		{`check:{"type":"ping","path":"x","interval":1,"timeout":0,"failures":0,"successes":11,"onFailure":"x","script":"x"}`,
			"check.failures check.interval check.onFailure check.script check.successes check.timeout check.type"},
		{`check:{"type":"http","path":"x"}`, "check.path"},
		{`ip:"a b"`, "ip"},
		{`host:"a b"`, "host"},
		{`host:5`, "host"},
		{`host:""`, "host"},
	} {
		w.refuse(fault{name: c.members, method: "POST", path: "/registry/register", body: registration(c.members),
			want: "400 invalid_request: " + c.want})
	}
	for _, c := range [][]string{{"address", "ip"}, {"address", "host"}, {"ip", "host"}} {
		w.refuse(fault{name: "both " + c[0] + " and " + c[1], method: "POST", path: "/registry/register",
			body: registration(c[0]+`:"10.0.0.1"`, c[1]+`:"10.0.0.1"`), want: "400 invalid_request: address"})
	}
}

// Everything that is wrong is named at once, whether it is of the wrong type or breaks a rule.
func TestManyBadFieldsAtOnce(t *testing.T) {
	w := inhabit(start(t, setup{}))
	const all = "400 invalid_request: address env instanceId metadata.k pid port protocol role serviceName status tags[0] ttl version weight zone"
	long := quoted(strings.Repeat("a", 129))
	w.refuse(
		fault{name: "of the wrong type", method: "POST", path: "/registry/register", want: all,
			body: registration("serviceName:1", "instanceId:1", "port:null", "address:1", "protocol:1", "version:1", "env:1", "zone:1", "role:1",
				"weight:null", "tags:[1]", `metadata:{"k":1}`, "status:1", "pid:null", "ttl:null")},
		fault{name: "against the rules", method: "POST", path: "/registry/register", want: all,
			body: registration(`serviceName:"-"`, `instanceId:"/"`, "port:0", `address:"-"`, "protocol:"+long, "version:"+long, "env:"+long,
				"zone:"+long, "role:"+long, "weight:0", `tags:[""]`, `metadata:{"k":"\u0000"}`, `status:"?"`, "pid:0", "ttl:0")},
		fault{name: "both, and unknown ones", method: "POST", path: "/registry/register",
			want: "400 invalid_request: instanceId metadata.k mood port serviceName ttl weight",
			body: registration("serviceName:1", `instanceId:"/"`, "port:-", "weight:0", `metadata:{"k":"\u0000"}`, "ttl:3600001", "mood:1")},
		fault{name: "a reference", method: "POST", path: "/registry/heartbeat", opts: []option{withToken(w.orders.Token)},
			want: "400 invalid_request: instanceId port serviceName", body: `{"serviceName":1,"instanceId":"/","port":1}`},
		fault{name: "a patch", method: "PATCH", path: "/registry/services/orders/o-1", opts: []option{withToken(w.orders.Token)},
			want: "400 invalid_request: metadata.k port status tags[1] weight",
			body: `{"status":"?","weight":0,"tags":["a",""],"metadata":{"k":"\u0000"},"port":1}`},
	)
}
