package cli

import (
	"bytes"
	"testing"

	"github.com/roster-sd/roster/cmd/roster/internal/bench"
)

func TestBenchTable(t *testing.T) {
	w := newWorld(t)
	l := &bench.Latency{Mean: 500, P50: 412.7, P90: 999.4, P99: 1234, P999: 56_789, Max: 1_234_567}
	x := &bench.Result{
		Operation: "watch", Instances: 10_000, Services: 1, Connections: 16, Rate: 5, TTLMillis: 30_000,
		Enlist: &bench.Part{PerSecond: 12_345.6},
		Parts:  []bench.Part{{Name: "change", Operations: 100, PerSecond: 4.96, Latency: l, Unsent: 3, Errors: map[string]int64{"unavailable": 2, "connection": 1}}},
		Kept:   &bench.Part{Name: "kept", Errors: map[string]int64{"lease_lost": 1}},
		Watch:  &bench.Seen{Watchers: 1, Services: 1, Changes: 100, Whole: 99, Deliveries: 990, Each: l, Resyncs: 2, BytesEach: 20_000},
		Server: &bench.Server{GOGC: "100", GOMEMLIMIT: "off", GOMAXPROCS: "2", ResidentBytes: 2 << 30, BytesPerInstance: 1024, CPUSeconds: 1.25,
			Collections: 7, PauseMeanMicros: 80, PauseMaxMicros: 4321, Resynced: 2},
		FalseEvictions: 1, LateRenewals: 2,
	}
	benchTable(w, x)
	w.out.WriteString("\n")
	benchTable(w, &bench.Result{Operation: "resolve", Instances: 1, Services: 1, Connections: 1, NoServer: "status\x1b 404"})
	w.golden("bench")
}

func TestGrowthTable(t *testing.T) {
	w := newWorld(t)
	g := &bench.Growth{Rounds: 3, Points: []bench.Point{
		{Instances: 1000, Services: 10, ResidentBytes: 64 << 20, Costs: []bench.Cost{{Operation: "resolve", CPUMicros: 17.34}, {Operation: "eviction", CPUMicros: 0.5}}},
		{Instances: 1_000_000, Services: 10_000, Costs: []bench.Cost{{Operation: "resolve", CPUMicros: 123.4}, {Operation: "eviction", CPUMicros: 2000}}},
	}}
	g.Server.GOGC, g.Server.GOMEMLIMIT, g.Server.GOMAXPROCS = "100", "off", "2"
	growthTable(w, g)
	w.golden("growth")
}

// A line that moves gives way to one that stays.
func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := &progress{env: Env{Stderr: &out}}
	p.Watch(func() string { return "half\x1b way" })
	p.show()
	p.Say("Done.")
	p.show()
	p.Watch(nil)
	p.show()
	if got, want := out.String(), "\rhalf\\x1b way\x1b[K\r\x1b[KDone.\n\rhalf\\x1b way\x1b[K\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProgressElsewhere(t *testing.T) {
	var out bytes.Buffer
	p := Env{Stderr: &out}.progress()
	p.Watch(func() string { t.Error("asked, with no terminal"); return "" })
	p.Say("Registering.")
	p.close()
	if out.String() != "Registering.\n" {
		t.Errorf("%q", out.String())
	}
}

func TestLatencyIsShort(t *testing.T) {
	for us, want := range map[float64]string{0.4: "0s", 7.2: "7µs", 999: "999µs", 1000: "1ms", 12_345: "12.3ms", 234_567: "235ms", 1_500_000: "1.5s"} {
		if got := latency(us); got != want {
			t.Errorf("%v: %s, want %s", us, got, want)
		}
	}
}
