package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/internal/pipenet"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// huge is a node with a list of 30 MB, and a client of it over a protocol. The server has
// the deadlines of a node's.
func huge(t *testing.T, protocol string) (*node, *http.Transport) {
	n := assemble(t, setup{}, func(r *http.Request) (string, error) { return r.Header.Get(who), nil })
	l := pipenet.Listen()
	srv := &http.Server{Handler: n.api.Handler(), WriteTimeout: 30 * time.Second, Protocols: new(http.Protocols)}
	client := &http.Transport{DisableCompression: true, DialContext: l.Dial, Protocols: new(http.Protocols)}
	for _, p := range []*http.Protocols{srv.Protocols, client.Protocols} {
		p.SetHTTP1(protocol == "HTTP/1.1")
		p.SetUnencryptedHTTP2(protocol == "HTTP/2")
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	n.url = "http://roster.test"
	t.Cleanup(func() {
		n.api.Drain()
		client.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	text := strings.Repeat("x", 10_000)
	var last *store.Record
	for i := range 3000 {
		last = n.put("big", "b-"+strconv.Itoa(i), func(in *store.Instance) {
			in.Metadata = []store.Pair{{Key: "text", Value: text}}
		})
	}
	if err := n.catalog.Wait(context.Background(), last.Revision); err != nil {
		t.Fatal(err)
	}
	return n, client
}

func (n *node) open(client *http.Transport) *http.Response {
	n.t.Helper()
	res, err := client.RoundTrip(n.request("GET", "/registry/services/big", nil))
	if err != nil {
		n.t.Fatal(err)
	}
	if res.StatusCode != 200 || res.ContentLength != -1 {
		n.t.Fatalf("status %d, a length of %d", res.StatusCode, res.ContentLength)
	}
	return res
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Readers of a huge list that take nothing hold little, and not for long.
func TestDeadReadersOfALongList(t *testing.T) {
	for protocol, own := range map[string]int64{"HTTP/1.1": 0, "HTTP/2": 4 << 20} { // the client of HTTP/2 reads ahead
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, client := huge(t, protocol)
				const readers = 20
				before := heap()
				var open []*http.Response
				for range readers {
					open = append(open, n.open(client))
				}
				synctest.Wait()
				if held := heap() - before - readers*own; held > readers<<20 {
					t.Errorf("%d readers hold %d KiB", readers, held>>10)
				}
				time.Sleep(31 * time.Second)
				synctest.Wait()
				for _, res := range open {
					got, err := io.Copy(io.Discard, res.Body)
					if res.Body.Close(); err == nil || got > 8<<20 {
						t.Errorf("%d bytes were still to be had: %v", got, err)
					}
				}
			})
		})
	}
}

// A reader that is slow, but reads, gets the whole list, however long that takes.
func TestSlowReaderOfALongList(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, client := huge(t, protocol)
				began := time.Now()
				res := n.open(client)
				defer res.Body.Close()
				var text []byte
				part := make([]byte, 64<<10)
				for {
					got, err := io.ReadFull(res.Body, part)
					text = append(text, part[:got]...)
					if err == io.EOF || err == io.ErrUnexpectedEOF {
						break
					}
					if err != nil {
						t.Fatalf("cut after %d bytes and %v: %v", len(text), time.Since(began), err)
					}
					time.Sleep(5 * time.Second)
				}
				var list wire.Service
				if err := json.Unmarshal(text, &list); err != nil || len(list.Instances) != 3000 {
					t.Errorf("%d instances in %d bytes: %v", len(list.Instances), len(text), err)
				}
				if took := time.Since(began); took < 30*time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// HEAD answers like GET, without the body.
func TestHead(t *testing.T) {
	w := inhabit(start(t, setup{}))
	for _, path := range []string{"/health", "/ready", "/openapi.yaml", "/registry/services", orders, orders + "/o-1",
		orders + "/never", "/registry/resolve/orders", "/registry/events", "/registry/services?x=1", "/registry/admin/dump"} {
		get, head := w.do("GET", path, nil, unchecked), w.do("HEAD", path, nil, unchecked)
		if head.status != get.status || len(head.body) > 0 {
			t.Errorf("%s: %d and %d bytes, want %d", path, head.status, len(head.body), get.status)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Etag", "Registry-Revision", "Cache-Control"} {
			if head.header.Get(name) != get.header.Get(name) {
				t.Errorf("%s: %s is %q, want %q", path, name, head.header.Get(name), get.header.Get(name))
			}
		}
	}
	w.do("HEAD", orders, nil, ifNoneMatch(w.etagOf(orders))).want(304)
}

// The position of a list is that of what it shows, or before.
func TestPositionOfAList(t *testing.T) {
	f := &faulty{}
	n := start(t, setup{wrap: f.wrap})
	n.register("orders", "o-1")
	f.onList(func() {
		rec := n.put("orders", "o-2", nil)
		if err := n.catalog.Wait(context.Background(), rec.Revision); err != nil {
			t.Error(err)
		}
	})
	before := n.catalog.Revision().String()
	res := n.get(orders + "?consistent=true").want(200)
	if got := ids(decode[wire.Service](res).Instances); got != "o-1" || res.header.Get("Registry-Revision") != before {
		t.Errorf("%q at %s, want o-1 at %s", got, res.header.Get("Registry-Revision"), before)
	}
}

// What a caller may not see neither ends its wait nor shows in the answer.
func TestLongPollSleepsThroughHiddenServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simulate(t, setup{policy: rules})
		n.register("orders", "o-1")
		const list = "/registry/services"
		etag := n.etagOf(list)
		got := n.poll(list+"?wait=10s", ifNoneMatch(etag))
		for range 5 {
			time.Sleep(time.Second)
			n.register("vault", "v-1", as("vault"))
			n.drop("vault", "v-1", store.Reason{})
		}
		if res := <-got; res.status != 304 || res.took < 10*time.Second || res.header.Get("ETag") != etag {
			t.Errorf("%d after %v with %s, had %s", res.status, res.took, res.header.Get("ETag"), etag)
		}
		got = n.poll(list+"?wait=10s", ifNoneMatch(etag))
		time.Sleep(time.Second)
		n.put("vault", "v-2", nil)
		time.Sleep(time.Second)
		n.put("orders", "o-2", nil)
		if res := <-got; res.status != 200 || res.took > 2100*time.Millisecond {
			t.Errorf("%d after %v", res.status, res.took)
		}
	})
}

// A query asks for no more than one by hand would.
func TestQueriesAreBounded(t *testing.T) {
	w := inhabit(start(t, setup{}))
	many := func(n int, format func(i int) string) string {
		var parts []string
		for i := range n {
			parts = append(parts, format(i))
		}
		return strings.Join(parts, "&")
	}
	tag := func(i int) string { return "tag=t" + strconv.Itoa(i) }
	meta := func(i int) string { return "meta.k" + strconv.Itoa(i) + "=v" }
	service := func(i int) string { return "service=s" + strconv.Itoa(i) }
	same := func(int) string { return "tag=blue" }
	w.refuse(
		fault{method: "GET", path: orders + "?" + many(17, tag), want: "400 invalid_request: tag"},
		fault{method: "GET", path: orders + "?" + many(17, meta), want: "400 invalid_request: meta"},
		fault{method: "GET", path: "/registry/resolve/orders?" + many(9, tag) + "&" + many(8, meta), want: "400 invalid_request: meta tag"},
		fault{method: "GET", path: "/registry/watch?" + many(65, service), want: "400 invalid_request: service"},
		fault{method: "GET", path: "/registry/events?service=orders&service=orders", want: "400 invalid_request: service"},
	)
	w.get(orders + "?" + many(8, tag) + "&" + many(8, meta)).want(200)
	w.get(orders + "?" + many(1000, same)).want(200)
	w.watch("/registry/watch?" + many(64, service) + "&" + service(0)).snapshot()
}

// Requests without a query share one, and none writes to it: run with -race.
func TestWatchesWithoutAQuery(t *testing.T) {
	n := start(t, setup{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			res, err := n.send(n.request("GET", "/registry/watch", nil))
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
		})
	}
	wg.Wait()
}
