package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

var bare = func() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // or it talks
	return gin.New()
}()

// posted gives the context of a request with a body.
func posted(body string) *gin.Context {
	c := gin.CreateTestContextOnly(httptest.NewRecorder(), bare)
	c.Request = &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}, ContentLength: -1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
	return c
}

// refusedWell fails the test unless the error is one for the caller, that can be sent and is
// of a size with what caused it.
func refusedWell(t *testing.T, err error, input string) {
	t.Helper()
	p, _ := describe(err)
	if p.Status < 400 || p.Status > 499 {
		t.Fatalf("%q: %d, %v", input, p.Status, err)
	}
	text := marshal(p)
	if !jsontext.Value(text).IsValid() {
		t.Fatalf("%q: the answer is no JSON: %s", input, text)
	}
	if len(text) > 64<<10 {
		t.Fatalf("%d bytes are answered with %d", len(input), len(text))
	}
}

// encoded encodes as clients do, with the standard library.
func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("what was accepted cannot be encoded: %v: %+v", err, v)
	}
	return string(b)
}

// decoderSeeds are texts that are hard in general. They are short: the fuzzer spends its
// time on making long ones shorter.
var decoderSeeds = []string{
	"", " ", "{", "{}", "[]", "null", `{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `{} {}`, "{\"\xff\":1}", `{"\ud800":1}`,
	strings.Repeat(`{"a":`, 20), `{"port":1e3}`, `{"port":-0}`, `{"ttl":99999999999999999999}`,
	`{"metadata":{"":""}}`, `{"tags":["` + strings.Repeat("x", 129) + `",null,1]}`,
}

func FuzzRegistration(f *testing.F) {
	for _, s := range append(decoderSeeds,
		`{"serviceName":"orders","port":8080}`,
		`{"serviceName":"orders","instanceId":"o-1","address":"10.0.0.1","port":65535,"protocol":"http","version":"1","env":"e","zone":"z","role":"r","weight":1,"tags":["a"],"metadata":{"k":"v","\u00e9":"\n"},"status":"draining","pid":1,"ttl":1}`,
		`{"serviceName":"orders","port":1,"ip":"::1"}`, `{"serviceName":"orders","port":1,"host":"a.b","ip":"::1"}`,
		`{"serviceName":"orders","port":1,"check":{"type":"http","path":"/a?b=%20","interval":1000,"timeout":100,"failures":1,"successes":10,"onFailure":"evict"}}`,
		`{"serviceName":"orders","port":1,"check":{"type":"grpc","path":5,"interval":0,"script":[{}]}}`,
		`{"serviceName":5,"instanceId":"","port":"80","weight":0,"status":"","ttl":"30s","mood":1}`,
	) {
		f.Add(s)
	}
	a := &API{reg: registry.New(registry.Options{Leases: lease.DefaultPolicy})}
	f.Fuzz(func(t *testing.T, body string) {
		reg, err := a.readRegistration(posted(body))
		if err != nil {
			refusedWell(t, err, body)
			return
		}
		if a.reg.Check(&reg) != nil {
			return // the registry refuses it, and says why
		}
		in := &reg.Instance
		out := wire.Registration{ServiceName: reg.Service, InstanceID: reg.ID, Address: in.Address, Port: int(in.Port), Protocol: in.Protocol,
			Version: in.Version, Env: in.Env, Zone: in.Zone, Role: in.Role, Weight: int(in.Weight), Tags: in.Tags, Status: in.Status, PID: in.PID}
		if reg.HasTTL {
			ms := reg.TTL.Milliseconds()
			out.TTL = &ms
		}
		out.Check = checkOf(in.Check)
		for _, p := range in.Metadata {
			if out.Metadata == nil {
				out.Metadata = make(map[string]string)
			}
			out.Metadata[p.Key] = p.Value
		}
		text := encoded(t, out)
		again, err := a.readRegistration(posted(text))
		if err != nil || a.reg.Check(&again) != nil {
			t.Fatalf("%s was accepted, and as %s is not: %v, %v", body, text, err, a.reg.Check(&again))
		}
		if len(in.Tags) == 0 {
			in.Tags, again.Instance.Tags = nil, nil
		}
		if !reflect.DeepEqual(reg, again) {
			t.Fatalf("%s: %+v is read back as %+v", body, reg, again)
		}
		r := &store.Record{Key: store.InstanceKey(reg.Service, "o-1"), Instance: *in}
		r.Instance.Health = store.HealthPassing
		sameAsWire(t, r)
	})
}

func FuzzReference(f *testing.F) {
	for _, s := range append(decoderSeeds, `{"serviceName":"orders","instanceId":"o-1"}`, `{"serviceName":1,"instanceId":null,"x":[]}`) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		service, id, err := readRef(posted(body))
		if err != nil {
			refusedWell(t, err, body)
			return
		}
		text := encoded(t, wire.InstanceRef{ServiceName: service, InstanceID: id})
		if s, i, err := readRef(posted(text)); err != nil || s != service || i != id {
			t.Fatalf("%s: %q, %q is read back as %q, %q, %v", body, service, id, s, i, err)
		}
	})
}

// decoded reads a batch with the decoder, whatever it holds.
func decoded(text string) (*batch, error) {
	b, err := read(posted(text), maxBatch)
	if err != nil {
		return nil, err
	}
	defer b.release()
	x := new(batch)
	return x, x.items(b)
}

func FuzzBatch(f *testing.F) {
	token := strings.Repeat("A", auth.TokenLength)
	for _, s := range append(decoderSeeds, `{"items":[]}`, `{"items":null}`, `{"items":[{"serviceName":"orders","instanceId":"o-1","token":"t"},null,{"x":1},[]]}`,
		`{"items":[{}],"items":[]}`, `{"items":[{"serviceName":"orders","instanceId":"o-1","token":"`+token+`"}]}`,
		` { "items" : [ {"token":"`+token+`","instanceId":"o-1" , "serviceName":"a"},{"serviceName":"a","instanceId":"o-2","token":"`+token+`"} ] } `,
		`{"items":[{"token":"`+token+`","token":"`+token+`","serviceName":"a"}]}`, `{"items":[{"serviceName":"a","instanceId":"o-2","token":"`+token+`"}],"x":1}`) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		x, err := decoded(body)
		sameQuickly(t, body, x, err)
		if err != nil {
			refusedWell(t, err, body)
			return
		}
		if len(x.beats) != len(x.errs) || len(x.beats) > wire.MaxBatch {
			t.Fatalf("%d items, and the faults of %d", len(x.beats), len(x.errs))
		}
		out := wire.Heartbeats{Items: []wire.HeartbeatItem{}}
		for i, b := range x.beats {
			if err := x.errs[i].err(); err != nil {
				refusedWell(t, err, body)
				if b != (registry.Beat{}) {
					t.Fatalf("item %d is bad, and reaches %+v", i, b)
				}
			}
			out.Items = append(out.Items, wire.HeartbeatItem{ServiceName: b.Service, InstanceID: b.ID, Token: b.Token})
			if answer := appendOutcome(nil, &registry.Beaten{}, x.errs[i].err()); !jsontext.Value(answer).IsValid() {
				t.Fatalf("item %d is answered with %s", i, answer)
			}
		}
		text := encoded(t, out)
		if len(text) > maxBatch {
			return // with names where there were none
		}
		if y, err := decoded(text); err != nil || !slices.Equal(x.beats, y.beats) {
			t.Fatalf("%s: %+v is read back as %+v, %v", body, x.beats, y, err)
		}
	})
}

// sameQuickly holds that what is read without a decoder is what a decoder reads, with nothing
// wrong in it.
func sameQuickly(t *testing.T, body string, want *batch, err error) {
	var q quickBatch
	if !q.read([]byte(body)) {
		if q.Len() > 0 {
			t.Fatalf("%s: nothing was read, and %d items are there", body, q.Len())
		}
		return
	}
	if err != nil || q.Len() != len(want.beats) {
		t.Fatalf("%s: %d items, and a decoder says %v", body, q.Len(), err)
	}
	for i, b := range want.beats {
		service, id, digest := q.At(i)
		if again, ok := auth.Digest(b.Token); !ok || service != b.Service || id != b.ID || digest != again || len(want.errs[i].errs) > 0 {
			t.Fatalf("%s: item %d is %q, %q, and a decoder says %+v, %v", body, i, service, id, b, want.errs[i])
		}
	}
}

func FuzzPatch(f *testing.F) {
	for _, s := range append(decoderSeeds, `{"status":"up"}`, `{"weight":10000,"tags":[],"metadata":{"a":null,"b":"c"}}`, `{"tags":null,"status":1,"metadata":[]}`) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := readPatch(posted(body))
		if err != nil {
			refusedWell(t, err, body)
			return
		}
		if p.Check() != nil {
			return
		}
		out := wire.Patch{Status: p.Status, Tags: p.Tags, Metadata: p.Metadata}
		if p.Weight != nil {
			w := int(*p.Weight)
			out.Weight = &w
		}
		text := encoded(t, out)
		again, err := readPatch(posted(text))
		if len(p.Metadata) == 0 {
			p.Metadata, again.Metadata = nil, nil
		}
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%s: %+v is read back from %s as %+v, %v", body, p, text, again, err)
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "a=1", "version=1&env=e&zone=z&role=r&status=up&tag=a&tag=b&meta.team=x&limit=5&after=o-1&wait=30s&consistent=true",
		"strategy=hash&key=u", "strategy=hash", "key=u", "tag=&zone=", "meta.=1", "meta.%ff=%00", "%ff=1", "a=%zz", "a;b", "limit=1&limit=2", "wait=1ns&wait=5m",
		"service=orders&service=shop&service=-", "instance=..", "limit=%2B5", "wait=-0s", "=", "&&", "strict", "reason=%F0%9F%98%80"} {
		f.Add(s)
	}
	known := []string{"strategy", "key", "limit", "after", "wait", "consistent", "service", "instance", "reason", "strict"}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parse(raw, true, known...)
		if err != nil {
			refusedWell(t, err, raw)
			return
		}
		if q.limit != -1 && (q.limit < 1 || q.limit > 10_000) || q.wait < 0 || q.wait > maxWait {
			t.Fatalf("%q: limit %d, wait %v", raw, q.limit, q.wait)
		}
		values, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(values.Encode(), true, known...)
		if err != nil || !reflect.DeepEqual(q, again) {
			t.Fatalf("%q: %+v is read back as %+v, %v", raw, q, again, err)
		}
		if len(values) > 0 {
			// No parameter is known to a route that has none.
			if _, err := parse(raw, false); err == nil {
				t.Fatalf("%q is taken where nothing is known", raw)
			}
		}
	})
}

func FuzzNoneMatch(f *testing.F) {
	for _, s := range []string{"", "*", `W/"1k9xj3f8a2c4q.42"`, `"1k9xj3f8a2c4q.42", W/"a.1"`, `W/"`, `""`, `"a.01"`, `"A.1"`, ", ,", `"a.18446744073709551616"`,
		strings.Repeat(`"a.1",`, 100), "\"a.1\"\x00", `* , "a.1"`, `w/"a.1"`, `"3w5e11264sgsf.18446744073709551615"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		revs, any := noneMatch(header)
		if any && revs != nil || len(revs) > 16 {
			t.Fatalf("%q: %v, %v", header, revs, any)
		}
		for _, rev := range revs {
			text := rev.String()
			if again, err := catalog.ParsePosition(text); err != nil || again != rev {
				t.Fatalf("%v is read back as %v, %v", rev, again, err)
			}
			if !strings.Contains(header, `"`+text+`"`) {
				t.Fatalf("%q does not hold %v", header, rev)
			}
			if got, any := noneMatch(etag(rev)); any || len(got) != 1 || got[0] != rev {
				t.Fatalf("the ETag of %v is read as %v, %v", rev, got, any)
			}
		}
		if rev, err := store.ParseRevision(header); err == nil && rev.String() != header {
			t.Fatalf("%q is read as %v", header, rev)
		}
	})
}

// The durations that a query takes are those that it can wait.
func TestWaitIsBounded(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "0s": 0, "1ns": 1, "5m": maxWait, "1m30.5s": 90*time.Second + 500*time.Millisecond} {
		if q, err := parse("wait="+text, false, "wait"); err != nil || q.wait != want {
			t.Errorf("%s: %v, %v", text, q, err)
		}
	}
	var p *problem
	if _, err := parse("wait=5m1ns", false, "wait"); !errors.As(err, &p) || len(p.fields) != 1 {
		t.Errorf("beyond the maximum: %v", err)
	}
}
