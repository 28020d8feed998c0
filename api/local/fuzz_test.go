package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

var bare = func() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // or it talks
	return gin.New()
}()

// posted gives the context of a request with a body.
func posted(body string) *gin.Context {
	c := gin.CreateTestContextOnly(httptest.NewRecorder(), bare)
	c.Request = &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/register"}, ContentLength: -1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
	return c
}

// What is taken can be written down again and is taken again, as the same; what is refused
// is the caller's fault, and said in few words.
func FuzzRegister(f *testing.F) {
	for _, s := range []string{
		"", "{", "{}", "[]", "null", `{"a":1,"a":2}`, `{} {}`, "{\"\xff\":1}", `{"name":"auth","port":3001}`,
		`{"name":"auth","port":3001,"host":"::1","pid":1,"id":"127.0.0.1:3001:839212","meta":{"a":[1,{"b":null}],"\u00e9":"\n"},"x":1}`,
		`{"name":5,"port":"80","host":[],"pid":0,"id":"/","meta":[]}`, `{"name":null,"port":null,"meta":null}`,
		`{"name":"a","port":1,"meta":{"n":1e3,"m":-0.0,"":1}}`, `{"name":"a","port":1,"meta":{"a":"\u0000"}}`,
	} {
		f.Add(s)
	}
	s := New(Options{Registry: registry.New(registry.Options{Leases: lease.DefaultPolicy})})
	f.Fuzz(func(t *testing.T, body string) {
		req, err := read(posted(body), s.check, "name", "port")
		if err != nil {
			var own *badRequest
			if !errors.As(err, &own) || own.status < 400 || own.status > 499 || own.detail == "" || len(own.detail) > 16<<10 {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		reg := s.registration(req)
		if errs := s.reg.Check(&reg); errs != nil {
			t.Fatalf("%q was accepted against the rules: %v", body, errs)
		}
		out := map[string]any{"name": req.name, "port": req.port, "host": req.host, "id": req.id}
		if req.pid != 0 {
			out["pid"] = req.pid
		}
		if req.meta != nil {
			out["meta"] = json.RawMessage(req.meta)
		}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(posted(string(text)), s.check, "name", "port")
		if err != nil {
			t.Fatalf("%q was accepted, and as %s is not: %v", body, text, err)
		}
		if again.name != req.name || again.port != req.port || again.host != req.host || again.id != req.id || again.pid != req.pid ||
			!same(again.meta, req.meta) {
			t.Fatalf("%q: %+v is read back as %+v", body, req, again)
		}

		// What is shown of it is JSON, with meta as it went in.
		shown, err := json.Marshal(found{true, show(&store.Record{Key: store.InstanceKey(req.name, "a"), Instance: reg.Instance}, 1)})
		if err != nil {
			t.Fatal(err)
		}
		var back struct{ Instance struct{ Meta jsontext.Value } }
		if err := json.Unmarshal(shown, &back); err != nil {
			t.Fatalf("%v: %s", err, shown)
		}
		want := req.meta
		if want == nil {
			want = jsontext.Value("{}")
		}
		if !same(back.Instance.Meta, want) {
			t.Fatalf("meta went in as %s, and comes back as %s", want, back.Instance.Meta)
		}
		// An instance that was registered natively shows its metadata, whatever it is.
		reg.Instance.Meta = ""
		if meta := metaOf(&reg.Instance); !meta.IsValid() {
			t.Fatalf("metadata %v as meta is %s", reg.Instance.Metadata, meta)
		}
	})
}

// same tells whether two texts are the same JSON, numbers by their spelling.
func same(a, b jsontext.Value) bool {
	var x, y any
	for v, into := range map[*jsontext.Value]*any{&a: &x, &b: &y} {
		if len(*v) == 0 {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(*v))
		dec.UseNumber()
		if dec.Decode(into) != nil {
			return false
		}
	}
	p, err1 := json.Marshal(x)
	q, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && bytes.Equal(p, q)
}
