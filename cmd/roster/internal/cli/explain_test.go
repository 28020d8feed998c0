package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

const left = `{"instanceId":"o-1","time":%d,"reason":"expired","node":"node-2","address":"10.0.0.7","port":3000,"by":"spiffe://example.org/orders",
	"registeredAt":%d,"generation":2,"ttl":15000%s}`

func liveExplanation() string {
	return fmt.Sprintf(`{"serviceName":"orders","instanceId":"orders-7f3k2m9q","node":"node-1","time":%d,"state":"live",
	"instance":%s,
	"registered":{"by":"spiffe://example.org/orders","time":%d,"generation":3,"from":"10.0.0.7","node":"node-1"},
	"lease":{"ttl":30000,"left":27000},
	"token":{"expiresAt":%d,"rotations":2,"rotatedAt":%d,"unused":true},
	"heartbeats":{"last":%d,"largestGap":10400,"ofTTL":0.35},
	"left":%s,
	"registrations":2,
	"events":[
	{"revision":"k3.1","time":%d,"type":"put","serviceName":"orders","instanceId":"orders-7f3k2m9q","reason":"registered","actor":"spiffe://example.org/orders","node":"node-1","from":"10.0.0.7"},
	{"revision":"k3.2","time":%d,"type":"put","serviceName":"orders","instanceId":"orders-7f3k2m9q","reason":"rotated","node":"node-1","changes":[{"field":"token","to":"made"}]},
	{"revision":"k3.3","time":%d,"type":"put","serviceName":"orders","instanceId":"orders-7f3k2m9q","reason":"updated","note":"\u001b[31mred","changes":[{"field":"status","from":"draining","to":"up"},{"field":"weight","from":"10","to":"50"}]}]}`,
		noon, one, noon-86400_000, noon+35*60_000, noon-25*60_000, noon-3000,
		fmt.Sprintf(left, noon-87000_000, noon-88000_000, ""), noon-86400_000, noon-25*60_000, noon-60_000)
}

func goneExplanation() string {
	return fmt.Sprintf(`{"serviceName":"orders","instanceId":"o-1","node":"node-1","time":%d,"state":"gone",
	"registered":{"by":"spiffe://example.org/orders","time":%d,"generation":2,"from":"10.0.0.7","node":"node-1"},
	"left":%s,"registrations":1,"events":[]}`, noon, noon-3600_000,
		fmt.Sprintf(left, noon-180_000, noon-3600_000, fmt.Sprintf(`,"heartbeats":{"last":%d,"largestGap":12000,"ofTTL":0.8}`, noon-195_000)))
}

func serviceExplanation() string {
	return fmt.Sprintf(`{"serviceName":"orders","node":"node-1","time":%d,"instances":3,"up":2,"states":{"up":2,"draining":1},"suspect":1,
	"owners":[{"name":"spiffe://example.org/orders","count":3}],"events":41,"since":%d,"registrations":9,
	"reasons":[{"name":"expired","count":6},{"name":"deregistered","count":1}],
	"left":[%s],
	"flapping":[{"ids":6,"address":"10.0.0.9","port":9000,"registrations":6,"last":%d},{"instanceId":"o-3","ids":1,"address":"10.0.0.3","port":80,"registrations":3,"last":%d}],
	"late":[{"instanceId":"o-2","ttl":30000,"last":%d,"largestGap":27000,"ofTTL":0.9}]}`,
		noon, noon-7200_000, fmt.Sprintf(left, noon-180_000, noon-3600_000, fmt.Sprintf(`,"heartbeats":{"last":%d,"largestGap":12000,"ofTTL":0.8}`, noon-195_000)),
		noon-30_000, noon-90_000, noon-2000)
}

func TestExplain(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{
		"GET /registry/explain/orders/orders-7f3k2m9q": liveExplanation(),
		"GET /registry/explain/orders/o-1?limit=5":     goneExplanation(),
		"GET /registry/explain/orders":                 serviceExplanation(),
		"GET /registry/explain/web":                    fmt.Sprintf(`{"serviceName":"web","time":%d,"events":2,"since":%d,"registrations":1}`, noon, noon-60_000),
	}))
	w.terminal = true
	for name, args := range map[string][]string{
		"explain-live":    {"explain", "orders", "orders-7f3k2m9q"},
		"explain-gone":    {"explain", "orders", "o-1", "--limit", "5"},
		"explain-service": {"explain", "orders"},
		"explain-nobody":  {"explain", "web"},
	} {
		if code := w.run(args...); code != ExitOK {
			t.Errorf("%s: exit status %d: %s", name, code, &w.err)
		}
		w.golden(name)
	}
	for _, format := range []string{"json", "yaml"} {
		if code := w.run("explain", "orders", "o-1", "--limit", "5", "-o", format); code != ExitOK || !strings.Contains(w.out.String(), "conclusion") ||
			!strings.Contains(w.out.String(), "largestGap") || !strings.Contains(w.out.String(), w.env["ROSTER_ADDRESS"]) {
			t.Errorf("%s: exit status %d:\n%s", format, code, &w.out)
		}
	}
	if code := w.run("explain"); code != ExitUsage {
		t.Errorf("of nothing: exit status %d", code)
	}
}

// TestExplainOnSeveralNodes: each node tells of its own heartbeats, and one that does not
// answer is named.
func TestExplainOnSeveralNodes(t *testing.T) {
	second := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.NewReplacer(`"node":"node-1","time"`, `"node":"node-2","time"`, `"largestGap":12000,"ofTTL":0.8`, `"largestGap":5000,"ofTTL":0.33`).Replace(goneExplanation()))
	})
	first := registry(t, map[string]string{"GET /registry/explain/orders/o-1": goneExplanation()})
	w, dead := newWorld(t), nobody()
	if code := w.run("explain", "orders", "o-1", "--address", strings.Join([]string{first, dead, second}, ",")); code != ExitOK {
		t.Errorf("exit status %d: %s", code, &w.err)
	}
	text := w.out.String()
	for address, name := range map[string]string{first: "FIRST", second: "SECOND", dead: "DEAD"} {
		text = strings.ReplaceAll(text, address, name)
	}
	for _, want := range []string{
		"its heartbeats went to several nodes, so the gap on one of them says little",
		"node-1", "FIRST", "12s", "80%", "node-2", "SECOND", "5s", "33%", "DEAD", "no answer: ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.Contains(w.err.String(), "No answer of "+dead) {
		t.Errorf("messages %q", &w.err)
	}
	if code := w.run("explain", "orders", "--address", dead+","+nobody()); code != ExitUnavailable {
		t.Errorf("nobody answers: exit status %d", code)
	}
	missing := refuse(t, 404, `{"status":404,"code":"not_found","detail":"service \"orders\" has no instance \"o-1\""}`)
	if code := w.run("explain", "orders", "o-1", "--address", dead+","+missing); code != ExitNotFound || w.out.Len() != 0 {
		t.Errorf("not found: exit status %d, output %q", code, &w.out)
	}
}

// TestConclude: what an instance did last, in a sentence.
func TestConclude(t *testing.T) {
	up := wire.Instance{Status: "up", Health: "passing"}
	of := func(in wire.Instance) *wire.Instance { return &in }
	beats := func(gap int64, share float64) *wire.Rhythm {
		return &wire.Rhythm{Last: noon - 1000, LargestGap: gap, OfTTL: share}
	}
	gone := func(reason, actor, note string) *wire.Departure {
		return &wire.Departure{Time: noon - 60_000, Reason: reason, Actor: actor, Note: note, Node: "n2", TTL: 15_000}
	}
	lease := &wire.Lease{TTL: 15_000}
	eight := int64(8000)
	for want, c := range map[string]struct {
		x     wire.Explanation
		beats *wire.Rhythm
	}{
		"live and up, and renews in good time: the largest gap between its heartbeats on n1 was 5s of a TTL of 15s": {
			wire.Explanation{Instance: &up, Lease: lease}, beats(5000, .33)},
		"live and up, but it was close: ":       {wire.Explanation{Instance: &up, Lease: lease}, beats(14_000, .93)},
		"which it outlived because other nodes": {wire.Explanation{Instance: &up, Lease: lease}, beats(41_000, 2.73)},
		"it has yet to send a second heartbeat": {wire.Explanation{Instance: &up, Lease: lease}, beats(0, 0)},
		"its heartbeats go to other nodes":      {wire.Explanation{Instance: &up, Lease: lease}, nil},
		"live, but failing":                     {wire.Explanation{Instance: of(wire.Instance{Status: "up", Health: "failing"})}, nil},
		"live, but failing its check: answered 503, since 3m ago, says n2": {wire.Explanation{Instance: of(wire.Instance{Status: "up", Health: "failing",
			Verdict: &wire.Verdict{Why: "answered 503", Node: "n2", Since: noon - 180_000}})}, nil},
		"live, but failing its check: answered 503, since 3m ago, says n2; it would be removed for that, but nearly all of its service fail": {
			wire.Explanation{Spared: true, Instance: of(wire.Instance{Status: "up", Health: "failing",
				Verdict: &wire.Verdict{Why: "answered 503", Node: "n2", Since: noon - 180_000}})}, nil},
		"live, but failing: no node has done its check yet": {wire.Explanation{Instance: of(wire.Instance{Status: "up", Health: "failing",
			Verdict: &wire.Verdict{Why: "not checked yet"}})}, nil},
		"not resolved: its owner says draining": {wire.Explanation{Instance: of(wire.Instance{Status: "draining", Health: "passing"})}, nil},
		"counts as out_of_service for 1h more, at the word of root: it leaks": {wire.Explanation{Instance: &up,
			Override: &wire.OverrideEntry{By: "root", Override: wire.Override{Status: "out_of_service", Reason: "it leaks", Until: noon + 3600_000}}}, nil},
		"kept past the end of its lease because it rains, for 8s more": {wire.Explanation{Instance: of(wire.Instance{Status: "up", Health: "suspect"}),
			Hold: &wire.Hold{Because: "it rains", Left: &eight}}, nil},
		"gone 1m ago: its holder removed it, at the word of orders, on n2 (\"end of day\")": {wire.Explanation{Left: gone("deregistered", "orders", "end of day")}, nil},
		"its ID is kept out for 1h more": {wire.Explanation{Left: gone("forced", "root", ""),
			Override: &wire.OverrideEntry{KeptOut: true, Override: wire.Override{Until: noon + 3600_000}}}, nil},
		"its process ended, on n2":                      {wire.Explanation{Left: gone("process_exited", "", "")}, nil},
		"something new":                                 {wire.Explanation{Left: gone("something new", "", "")}, nil},
		"its lease ran out, on n2; no heartbeat of it":  {wire.Explanation{Left: gone("expired", "", "")}, nil},
		"it sent no heartbeat after it had registered":  {wire.Explanation{Left: gone("expired", "", ""), Registered: wire.Origin{Node: "n1"}}, beats(0, 0)},
		"12s of a TTL of 15s: its heartbeats came late": {wire.Explanation{Left: gone("expired", "", "")}, beats(12_000, .8)},
		"5s of a TTL of 15s: it renewed in good time":   {wire.Explanation{Left: gone("expired", "", "")}, beats(5000, .33)},
		"n1 last heard of it 0s before":                 {wire.Explanation{Left: gone("expired", "", "")}, beats(4000, .27)},
		"not there":                                     {wire.Explanation{}, nil},
	} {
		c.x.Time = noon
		if got := conclude(&c.x, []nodeAnswer{{Node: "n1", Heartbeats: c.beats}}); !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
}
