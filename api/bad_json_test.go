package api_test

import (
	"strings"
	"testing"
)

// Texts that are not one JSON object of unique names are refused on every route alike.
func TestBodiesThatAreNotJSON(t *testing.T) {
	w := inhabit(start(t, setup{}))
	const invalid = "400 invalid_request"
	for _, e := range w.endpoints() {
		open := strings.TrimSuffix(e.good, "}")
		for _, c := range []struct{ name, body, want string }{
			{"nothing", "", invalid},
			{"blank", " \n\t", invalid},
			{"null", "null", invalid},
			{"an array", "[" + e.good + "]", invalid},
			{"a string", `"` + e.field + `"`, invalid},
			{"a number", "1", invalid},
			{"cut off", open, invalid},
			{"cut off in a string", `{"serviceName":"ord`, invalid},
			{"cut off after a name", `{"` + e.field + `":`, invalid},
			{"a comma at the end", open + ",}", invalid},
			{"no comma", open + ` "x":1}`, invalid},
			{"single quotes", strings.ReplaceAll(e.good, `"`, `'`), invalid},
			{"a bare name", `{serviceName:"orders"}`, invalid},
			{"a comment", e.good + " // the end", invalid},
			{"a byte order mark", "\uFEFF" + e.good, invalid},
			{"NaN", `{"` + e.field + `":NaN}`, invalid},
			{"a number with a leading zero", `{"` + e.field + `":01}`, invalid},
			{"a literal that is none", `{"` + e.field + `":nul}`, invalid},
			{"a raw control character", "{\"" + e.field + "\":\"a\nb\"}", invalid},
			{"an escape that is none", `{"` + e.field + `":"\x41"}`, invalid},
			{"half a surrogate pair", `{"` + e.field + `":"\ud800"}`, invalid},
			{"invalid UTF-8", "{\"" + e.field + "\":\"\xff\xfe\"}", invalid},
			{"an overlong encoding", "{\"" + e.field + "\":\"\xc0\xaf\"}", invalid},
			{"invalid UTF-8 in a name", "{\"\xff\":1}", invalid},
			{"a second value", e.good + e.good, invalid},
			{"a second value on a line of its own", e.good + "\n{}", invalid},
			{"rubbish behind", e.good + "x", invalid},
			{"a zero byte behind", e.good + "\x00", invalid},
			{"far too deep", `{"x":` + strings.Repeat("[", 20_000), invalid},
			{"a name twice", open + `,"` + e.field + `":1}`, invalid + ": " + e.field},
			{"a name twice, spelt in two ways", open + `,"\u00` + hex(e.field[0]) + e.field[1:] + `":1}`, invalid + ": " + e.field},
			{"an unknown name twice", `{"x":1,"x":1}`, invalid + ": x"},
			{"a name twice, deep in what is not known", `{"x":{"y":[0,{"z":1,"z":1}]}}`, invalid + ": x.y[1].z"},
		} {
			w.refuse(fault{name: e.path + " " + c.name, method: e.method, path: e.path, body: c.body,
				opts: []option{withToken(e.token)}, want: c.want})
		}
	}
}

func hex(c byte) string { return string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) }

// Names that stand twice below the top.
func TestNestedDuplicates(t *testing.T) {
	w := inhabit(start(t, setup{}))
	w.refuse(
		fault{method: "POST", path: "/registry/register", want: "400 invalid_request: metadata.team",
			body: `{"serviceName":"orders","port":1,"metadata":{"team":"a","x":"y","team":"b"}}`},
		fault{method: "PATCH", path: "/registry/services/orders/o-1", want: "400 invalid_request: metadata.team",
			body: `{"metadata":{"team":"a","team":null}}`, opts: []option{withToken(w.orders.Token)}},
		fault{method: "POST", path: "/registry/heartbeats", want: "400 invalid_request: items[1].token",
			body: `{"items":[{"serviceName":"orders","instanceId":"o-1","token":"` + w.orders.Token + `"},{"token":"a","token":"b"}]}`},
	)
}

// Several unknown fields are all named, with what else is wrong.
func TestUnknownFields(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for _, e := range w.endpoints() {
		open := strings.TrimSuffix(e.good, "}")
		w.refuse(
			fault{method: e.method, path: e.path, body: open + `,"` + strings.ToUpper(e.field) + `":1,"mood":null,"instance_id":{"a":[1]}}`,
				opts: []option{withToken(e.token)}, want: "400 invalid_request: " + strings.ToUpper(e.field) + " instance_id mood"},
			fault{name: e.path + " a long name", method: e.method, path: e.path, body: open + `,"` + strings.Repeat("é", 100) + `":1}`,
				opts: []option{withToken(e.token)}, want: "400 invalid_request: " + strings.Repeat("é", 32) + "…"},
		)
	}
	// A body of nothing but faults does not make an answer many times its size.
	n := w.in(t)
	many := `{"tags":[` + strings.TrimSuffix(strings.Repeat("1,", 30_000), ",") + `]}`
	res := n.do("POST", "/registry/register", many, bad)
	if p := res.problem(400, "invalid_request"); len(p.Errors) != 200 || len(res.body) > len(many) {
		t.Errorf("%d errors in %d bytes for a body of %d", len(p.Errors), len(res.body), len(many))
	}
}
