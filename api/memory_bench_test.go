package api

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store/memory"
)

// fleetBody is a registration as services send them: what the instances of a service share,
// and what each has for itself.
func fleetBody(service, i int) string {
	return fmt.Sprintf(`{"serviceName":"service-%05d","address":"10.%d.%d.%d","port":%d,"protocol":"http","version":"2.4.1",`+
		`"env":"production","zone":"eu-west-1%c","metadata":{"team":"identity","pod":"service-%05d-5c9f7d9b6-%05x"},"ttl":3600000}`,
		service, i>>16&255, i>>8&255, i&255, 3000+i%1000, 'a'+rune(i%3), service, i)
}

// BenchmarkMemory registers instances through the handler, with everything behind it as the
// server has it, and tells the bytes that live afterwards, by where they were allocated, and
// what a collection costs. The table is of runtime.MemProfile: sizes are those that the
// allocator gives out. Run it alone, once:
//
//	go test ./api -run '^$' -bench Memory -benchtime 1x
func BenchmarkMemory(b *testing.B) {
	for _, c := range []struct{ services, each int }{{1_000, 100}, {10, 10_000}, {10_000, 100}, {10, 100_000}} {
		b.Run(fmt.Sprintf("%d services of %d", c.services, c.each), func(b *testing.B) {
			for b.Loop() {
				measureMemory(b, c.services, c.each)
			}
		})
	}
}

func measureMemory(b *testing.B, services, each int) {
	rate := runtime.MemProfileRate
	defer func() { runtime.MemProfileRate = rate }()
	before := inUse()
	runtime.MemProfileRate = profileRate
	live := liveBytes()
	x := newFleet(b)
	d := x.request(http.MethodPost, "/registry/register", fleetBody(0, 0), "")
	for i := range services * each {
		d.body.text = fleetBody(i%services, i)
		d.req.ContentLength = int64(len(d.body.text))
		d.serve(b, http.StatusCreated)
	}
	cycles, cpu := collections()
	per := float64(liveBytes()-live) / float64(services*each)
	after := inUse()
	again, used := collections()
	b.ReportMetric(per, "B/instance")
	b.ReportMetric((used-cpu)*1000/float64(again-cycles), "mark-ms/cycle")
	type part struct {
		name  string
		bytes int64
	}
	var parts []part
	for name, n := range after {
		parts = append(parts, part{name, n - before[name]})
	}
	slices.SortFunc(parts, func(x, y part) int { return cmp.Compare(y.bytes, x.bytes) })
	var table strings.Builder
	for _, p := range parts[:min(len(parts), 32)] {
		if one := float64(p.bytes) / float64(services*each); one >= 1 {
			fmt.Fprintf(&table, "\n%7.1f B  %s", one, p.name)
		}
	}
	fmt.Println(table.String()) // a benchmark's log is cut after ten lines
	runtime.KeepAlive(x)
}

// newFleet is a node as [newBench] makes it, whose callers are who the request says.
func newFleet(b *testing.B) *bench {
	st := memory.Open(memory.Options{Node: "n1"})
	cat := catalog.New(catalog.Options{Store: st, Encode: EncodeInstance})
	reg := registry.New(registry.Options{Store: st, Catalog: cat, Leases: lease.DefaultPolicy, Authorizer: new(auth.Authorizer), Node: "n1"})
	a := New(Options{Registry: reg, Identify: func(*http.Request) (registry.Caller, error) {
		// A new string each time, as it comes out of a certificate.
		return registry.Caller{Identity: strings.Clone("spiffe://example.org/deployer"), From: strings.Clone("192.0.2.7")}, nil
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

func liveBytes() int64 {
	var m runtime.MemStats
	for range 3 { // what pools hold goes in two
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// collections gives how many collections there were, and the seconds of CPU that they took.
func collections() (cycles uint64, cpu float64) {
	s := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Float64()
}

// inUse gives what lives by the first functions on the stack that are ours.
func inUse() map[string]int64 {
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 10_000)
	n, ok := runtime.MemProfile(records, false)
	if !ok {
		return nil
	}
	out := make(map[string]int64)
	for _, r := range records[:n] {
		var names []string
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more && len(names) < 3; {
			var f runtime.Frame
			f, more = frames.Next()
			if name, ours := strings.CutPrefix(f.Function, "github.com/roster-sd/roster/"); ours {
				names = append(names, fmt.Sprintf("%s:%d", name, f.Line))
			} else if len(names) == 0 && !strings.HasPrefix(f.Function, "runtime.") {
				names = append(names, f.Function)
			}
		}
		out[strings.Join(names, " < ")] += scaled(r)
	}
	return out
}

// profileRate is one sample for so many bytes.
const profileRate = 4 << 10

// scaled gives what a sample stands for: an allocation of n bytes is sampled with the
// probability 1-exp(-n/rate).
func scaled(r runtime.MemProfileRecord) int64 {
	if r.InUseObjects() == 0 {
		return 0
	}
	size := float64(r.InUseBytes()) / float64(r.InUseObjects())
	return int64(float64(r.InUseBytes()) / (1 - math.Exp(-size/profileRate)))
}
