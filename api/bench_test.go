package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
	"github.com/roster-sd/roster/wire"
)

// discard takes an answer and forgets it.
type discard struct {
	header http.Header
	status int
}

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) Write(b []byte) (int, error) { return len(b), nil }
func (w *discard) WriteHeader(status int)      { w.status = status }

// reusable is a body that can be sent again.
type reusable struct {
	text string
	strings.Reader
}

func (r *reusable) Close() error { return nil }

// driver serves one request again and again, without a network.
type driver struct {
	handler http.Handler
	w       discard
	req     *http.Request
	body    reusable
}

func (d *driver) serve(b *testing.B, want int) {
	clear(d.w.header)
	d.body.Reset(d.body.text)
	d.handler.ServeHTTP(&d.w, d.req)
	if d.w.status != want {
		b.Fatalf("status %d", d.w.status)
	}
}

// bench is a node in memory.
type bench struct {
	api *API
	reg *registry.Registry
}

func newBench(b *testing.B) *bench {
	st := memory.Open(memory.Options{Node: "n1"})
	cat := catalog.New(catalog.Options{Store: st, Encode: EncodeInstance})
	reg := registry.New(registry.Options{Store: st, Catalog: cat, Leases: lease.DefaultPolicy, Authorizer: new(auth.Authorizer),
		Tokens: registry.TokenPolicy{TTL: time.Hour}, Node: "n1"})
	a := New(Options{Registry: reg, Identify: func(*http.Request) (registry.Caller, error) {
		return registry.Caller{Identity: "orders", From: "192.0.2.7"}, nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cat.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		<-done
		st.Close()
	})
	<-cat.Warm()
	return &bench{a, reg}
}

func (x *bench) register(b *testing.B, service, id string) (token string) {
	out, err := x.reg.Register(context.Background(), registry.Caller{Identity: "orders"}, registry.Registration{Service: service, ID: id,
		TTL: time.Hour, HasTTL: true, Instance: benchInstance()})
	if err != nil {
		b.Fatal(err)
	}
	return out.Token
}

func benchInstance() store.Instance {
	return store.Instance{Address: "10.0.4.17", Port: 3001, Weight: 100, Protocol: "http", Version: "2.4.1", Env: "production",
		Zone: "eu-west-1a", Status: store.StatusUp, Health: store.HealthPassing, Tags: []string{"public", "canary"},
		Metadata: []store.Pair{{Key: "team", Value: "identity"}}}
}

// request gives a driver of one request; an empty body is none.
func (x *bench) request(method, path, body, token string) *driver {
	u, err := url.Parse(path)
	if err != nil {
		panic(err)
	}
	d := &driver{handler: x.api.Handler(), w: discard{header: make(http.Header)}, body: reusable{text: body}}
	d.req = &http.Request{Method: method, URL: u, Header: http.Header{}, Body: http.NoBody}
	if body != "" {
		d.req.Body, d.req.ContentLength = &d.body, int64(len(body))
		d.req.Header["Content-Type"] = []string{"application/json"}
	}
	if token != "" {
		d.req.Header[wire.HeaderToken] = []string{token}
	}
	return d
}

const benchRegistration = `{"serviceName":"auth","instanceId":"auth-7f3k2m9q","address":"10.0.4.17","port":3001,"protocol":"http",` +
	`"version":"2.4.1","env":"production","zone":"eu-west-1a","weight":100,"tags":["public","canary"],"metadata":{"team":"identity"},"ttl":30000}`

func benchBatch(n int, token func(i int) string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"serviceName":"auth","instanceId":"auth-%07d","token":%q}`, i, token(i))
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

// BenchmarkDecode reads the bodies of writes.
func BenchmarkDecode(b *testing.B) {
	a := &API{reg: registry.New(registry.Options{Leases: lease.DefaultPolicy})}
	token := strings.Repeat("A", 43)
	for _, c := range []struct {
		name, body string
		read       func(*gin.Context) error
	}{
		{"registration", benchRegistration, func(c *gin.Context) error { _, err := a.readRegistration(c); return err }},
		{"heartbeat", `{"serviceName":"auth","instanceId":"auth-7f3k2m9q"}`, func(c *gin.Context) error { _, _, err := readRef(c); return err }},
		{"patch", `{"status":"draining","weight":50,"metadata":{"team":"payments"}}`, func(c *gin.Context) error { _, err := readPatch(c); return err }},
		{"batch of 1,000", benchBatch(1000, func(int) string { return token }), func(c *gin.Context) error {
			x := batches.Get().(*batch)
			defer x.release()
			return x.read(c)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			ctx := posted(c.body)
			body := &reusable{text: c.body}
			ctx.Request.Body = body
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(c.body)
				if err := c.read(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEncodeInstance encodes what the catalog keeps of an instance.
func BenchmarkEncodeInstance(b *testing.B) {
	r := &store.Record{Key: store.InstanceKey("auth", "auth-7f3k2m9q"), TTL: 30 * time.Second, RegisteredAt: 1795258800000,
		Revision: store.Revision{Epoch: 1 << 60, Number: 42}, Changed: 41, Instance: benchInstance()}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = EncodeInstance(buf[:0], r)
	}
	b.SetBytes(int64(len(buf)))
}

// BenchmarkHandler serves whole requests, from the router to the last byte of the answer.
func BenchmarkHandler(b *testing.B) {
	x := newBench(b)
	token := x.register(b, "auth", "auth-0000000")
	tokens := make([]string, 1000)
	for i := range tokens {
		tokens[i] = x.register(b, "many", fmt.Sprintf("auth-%07d", i))
	}
	for i := range 10 {
		x.register(b, "ten", fmt.Sprintf("ten-%d", i))
	}
	beat := `{"serviceName":"auth","instanceId":"auth-0000000"}`
	batch := strings.ReplaceAll(benchBatch(1000, func(i int) string { return tokens[i] }), `"serviceName":"auth"`, `"serviceName":"many"`)
	etagOf := func(service string) string {
		changed, _ := x.reg.Catalog().Changed(service)
		return etag(changed)
	}
	for _, c := range []struct {
		name string
		d    *driver
		want int
	}{
		{"resolve of 1", x.request("GET", "/registry/resolve/auth", "", ""), 200},
		{"resolve of 10", x.request("GET", "/registry/resolve/ten", "", ""), 200},
		{"resolve of 1,000", x.request("GET", "/registry/resolve/many", "", ""), 200},
		{"resolve of 1,000 by weight", x.request("GET", "/registry/resolve/many?strategy=weighted", "", ""), 200},
		{"resolve of 1,000 with a filter", x.request("GET", "/registry/resolve/many?zone=eu-west-1a", "", ""), 200},
		{"service of 10", x.request("GET", "/registry/services/ten", "", ""), 200},
		{"service of 1,000", x.request("GET", "/registry/services/many", "", ""), 200},
		{"service not modified", func() *driver {
			d := x.request("GET", "/registry/services/many", "", "")
			d.req.Header["If-None-Match"] = []string{etagOf("many")}
			return d
		}(), 304},
		{"heartbeat", x.request("POST", "/registry/heartbeat", beat, token), 200},
		{"heartbeats of 1,000", x.request("POST", "/registry/heartbeats", batch, ""), 200},
		{"register again", x.request("POST", "/registry/register", benchRegistration, ""), 200},
		{"a bad token", x.request("POST", "/registry/heartbeat", beat, strings.Repeat("A", 43)), 401},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.name == "register again" {
				x.register(b, "auth", "auth-7f3k2m9q")
			}
			b.ReportAllocs()
			for b.Loop() {
				c.d.serve(b, c.want)
			}
		})
	}
}
