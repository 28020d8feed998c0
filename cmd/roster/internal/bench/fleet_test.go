package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// parse reads a request and decodes its body into out.
func parse(t *testing.T, raw []byte, out any) *http.Request {
	t.Helper()
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatalf("%v: %q", err, raw)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || req.ContentLength != int64(len(body)) || !bytes.HasSuffix(raw, body) {
		t.Fatalf("body %q, %v, of %q", body, err, raw)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
	}
	return req
}

func testFleet(t *testing.T) *fleet {
	t.Helper()
	o := (&node{target: Target{Address: "h:1"}}).options(Heartbeats)
	o.Instances, o.Services = 25, 4
	f := newFleet(&o, 10, time.Now())
	for i := range 25 {
		answer := fmt.Sprintf(`{"instance":{"serviceName":"s","ttl":1,"registeredAt":1000},"token":"token-%02d","tokenExpiresAt":61000,"ttl":30000}`, i)
		if err := f.took(i, []byte(answer), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestFleet(t *testing.T) {
	t.Parallel()
	f := testFleet(t)
	if f.registered.Load() != 25 || f.granted.Load() != int64(30*time.Second) || f.life.Load() != int64(time.Minute) || !f.blocks[2].full.Load() {
		t.Errorf("%d registered, granted %d, life %d", f.registered.Load(), f.granted.Load(), f.life.Load())
	}
	for i := range 25 {
		var in wire.Registration
		parse(t, f.registration(nil, i, int64(100+i)), &in)
		if in.ServiceName != f.service(i%4) || in.InstanceID != f.id(i) || in.Metadata[changeKey] != fmt.Sprintf("%010d", 100+i) || *in.TTL != 60_000 {
			t.Errorf("%d: %+v", i, in)
		}
		var ref wire.InstanceRef
		req := parse(t, f.beat(nil, i), &ref)
		if ref.ServiceName != in.ServiceName || ref.InstanceID != in.InstanceID || req.Header.Get(wire.HeaderToken) != fmt.Sprintf("token-%02d", i) {
			t.Errorf("%d: %+v, %v", i, ref, req.Header)
		}
	}
	for n := range f.blocks {
		from, to := f.members(n)
		f.tokens[from+1].n = 0 // one that has left
		var batch wire.Heartbeats
		raw, _, count := f.batch(nil, from, to)
		parse(t, raw, &batch)
		if count != to-from-1 || len(batch.Items) != count {
			t.Fatalf("block %d: %d items, said %d", n, len(batch.Items), count)
		}
		for k, item := range batch.Items {
			i := from + k
			if k > 0 {
				i++
			}
			if item != (wire.HeartbeatItem{ServiceName: f.service(i % 4), InstanceID: f.id(i), Token: fmt.Sprintf("token-%02d", i)}) {
				t.Errorf("block %d, item %d: %+v", n, k, item)
			}
		}
	}
	var patch struct{ Metadata map[string]string }
	if req := parse(t, f.change(nil, 5, 42), &patch); req.Method != "PATCH" || req.URL.Path != "/registry/services/"+f.service(1)+"/"+f.id(5) || patch.Metadata[changeKey] != "0000000042" {
		t.Errorf("%s %s %v", req.Method, req.URL, patch)
	}
	if req := parse(t, f.removal(nil, 5), nil); req.Method != "DELETE" || req.Header.Get(wire.HeaderToken) != "token-05" {
		t.Errorf("%s %v", req.Method, req.Header)
	}
	f.each, f.first = 10, 1000
	if f.serviceOf(24) != 2 || f.id(24) != f.name+"-0001024" {
		t.Errorf("service %d, ID %s", f.serviceOf(24), f.id(24))
	}
}

func TestRegistrationsThatAreNone(t *testing.T) {
	t.Parallel()
	f := testFleet(t)
	for _, answer := range []string{"", "{}", `{"token":""}`, `{"token":"` + string(bytes.Repeat([]byte("x"), 64)) + `"}`, `{"token":"x`} {
		if err := f.took(0, []byte(answer), time.Now()); codeOf(err) != codeAnswer {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":"x","n":-12,"m":7,"e":"","code":"lease_lost","metadata":{"bench":"0000000042"}}`)
	if text(body, "a") != "x" || text(body, "e") != "" || text(body, "n") != "" || text(body, "none") != "" || text([]byte(`{"a":"cut`), "a") != "" {
		t.Error("text")
	}
	if number(body, "n") != -12 || number(body, "m") != 7 || number(body, "a") != 0 || number(body, "none") != 0 {
		t.Error("number")
	}
	for data, want := range map[string]int64{
		string(body): 42, `{"serviceName":"bench"}`: 0, `{"bench":"42"}`: 0, `{"bench":"00000000x2"}`: 0, "": 0,
	} {
		if got := changeOf([]byte(data)); got != want {
			t.Errorf("%s: %d", data, got)
		}
	}
}

func TestSpreadIsEven(t *testing.T) {
	t.Parallel()
	var parts [10]int
	for n := range int64(1000) {
		at := spread(n, 1000)
		if at < 0 || at >= 1000 {
			t.Fatalf("%d: %d", n, at)
		}
		parts[at/100]++
	}
	for i, n := range parts {
		if n < 90 || n > 110 {
			t.Errorf("part %d has %d", i, n)
		}
	}
}
