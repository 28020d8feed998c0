package local_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// The object comes back as it went in, and natively its members are texts.
func TestMeta(t *testing.T) {
	d := start(t, setup{})
	deep := strings.Repeat(`{"a":`, 31) + `{}` + strings.Repeat(`}`, 31)
	for meta, native := range map[string]map[string]string{
		`{}`:                                 nil,
		`{"team":"payments"}`:                {"team": "payments"},
		`{"a":{"b":[1,{"c":null}],"d":"e"}}`: {"a": `{"b":[1,{"c":null}],"d":"e"}`},
		`{"n":0,"m":-1.50,"e":1e3,"big":12345678901234567890,"tiny":1.0000000000000000000001}`: {
			"n": "0", "m": "-1.50", "e": "1e3", "big": "12345678901234567890", "tiny": "1.0000000000000000000001"},
		`{"t":true,"f":false,"z":null}`:          {"t": "true", "f": "false", "z": "null"},
		`{"é":"日本 😀","q":"\"\\ / <&>"}`:          {"é": "日本 😀", "q": `"\ / <&>`},
		`{"lines":"a\nb\tc","empty":""}`:         {"lines": "a\nb\tc", "empty": ""},
		`{"z":1,"a":2,"m":3}`:                    {"z": "1", "a": "2", "m": "3"}, // in the order in which they came
		`{"meta":{},"name":"x","id":"y","ok":1}`: {"meta": "{}", "name": "x", "id": "y", "ok": "1"},
		deep:                                     {"a": deep[len(`{"a":`) : len(deep)-1]},
	} {
		d.register(`{"name":"auth","port":1,"id":"a-1","meta":` + meta + `}`)
		for _, res := range []reply{d.do("GET", "/resolve/auth", ""), d.do("POST", "/heartbeat", `{"name":"auth","id":"a-1"}`)} {
			if got := string(res.instance().Meta); got != meta {
				t.Errorf("went in as %s, came back as %s", meta, got)
			}
		}
		if !strings.Contains(d.do("GET", "/list", "").body, `"meta":`+meta) {
			t.Errorf("%s is not listed", meta)
		}
		got := d.native("a-1").Metadata
		if len(got) != len(native) {
			t.Errorf("%s: natively %v, want %v", meta, got, native)
		}
		for k, v := range native {
			if got[k] != v {
				t.Errorf("%s: natively %s is %q, want %q", meta, k, got[k], v)
			}
		}
	}
}

// native reads an instance of the service auth from the native surface.
func (d *daemon) native(id string) wire.Instance {
	d.t.Helper()
	res := d.do("GET", "/registry/services/auth/"+id, "").want(200)
	var in wire.Instance
	if err := json.Unmarshal([]byte(res.body), &in); err != nil {
		d.t.Fatal(err)
	}
	return in
}

// Spelt otherwise it means the same, and absent it is empty.
func TestMetaThatIsSpeltOtherwise(t *testing.T) {
	d := start(t, setup{})
	for sent, want := range map[string]string{
		`"meta":{ "a" : [ 1 , 2 ]` + "\r\n}": `{"a":[1,2]}`,
		`"meta":{"\u0061":"\u00e9\/"}`:       `{"a":"é/"}`,
		`"meta":null`:                        `{}`,
		`"x":1`:                              `{}`,
	} {
		if got := string(d.register(`{"name":"auth","port":1,` + sent + `}`).Meta); got != want {
			t.Errorf("%s came back as %s, want %s", sent, got, want)
		}
	}
}

// White space counts for nothing, neither in what is kept nor in what is shown natively.
func TestMetaIsKeptCompact(t *testing.T) {
	d := start(t, setup{})
	d.register(`{"name":"auth","port":1,"id":"a-1","meta":{"a": [1,` + strings.Repeat(" ", 60_000) + `2]}}`)
	if got := d.native("a-1").Metadata["a"]; got != "[1,2]" {
		t.Errorf("natively it is %.100q", got)
	}
	records, _ := d.image()
	if got := records[store.InstanceKey("auth", "a-1")].Instance.Meta; got != `{"a":[1,2]}` {
		t.Errorf("%d bytes are kept: %.100q", len(got), got)
	}
}

// What is no object, or more than metadata may be.
func TestBadMeta(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for _, c := range []struct{ meta, want string }{
		{`[]`, "meta must be an object"},
		{`["a"]`, "meta must be an object"},
		{`"a"`, "meta must be an object"},
		{`5`, "meta must be an object"},
		{`true`, "meta must be an object"},
		{strings.Repeat(`{"a":`, 32) + `{}` + strings.Repeat(`}`, 32), "meta must be nested at most 32 deep"},
		{`{"a":` + strings.Repeat(`[`, 33) + strings.Repeat(`]`, 33) + `}`, "meta must be nested at most 32 deep"},
		{`{` + repeated(65, `"k%d":1`) + `}`, "meta must be at most 64 entries"},
		{`{"a":"` + strings.Repeat("v", 8192) + `"}`, "meta must be at most 8192 bytes, keys and values together"},
		{`{"a":[` + repeated(4000, `%d`) + `]}`, "meta must be at most 8192 bytes, keys and values together"},
		{`{"":1}`, "meta keys must be 1 to 128 bytes of UTF-8 without control characters"},
		{`{"a\u0007":1}`, "meta keys must be 1 to 128 bytes of UTF-8 without control characters"},
		{`{"a":"\u0000"}`, "meta.a must be UTF-8 without control characters"},
		{`{"a":1,"a":2}`, "a name stands twice in one object"},
		{`{"a":{"b":1,"b":2}}`, "a name stands twice in one object"},
	} {
		w.refuse(fault{"POST", "/register", `{"name":"auth","port":1,"id":"a-1","meta":` + c.meta + `}`, nil, 400, c.want})
	}
}
