package bench

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sampleReport() *Report {
	slices := join(
		pair("resolve-10", "http", 1, 95, 11, false),
		pair("resolve-10", "http", 2, 10, 99, true),
		pair("heartbeat", "mtls", 1, 79, 14, true),
		pair("list-10", "mtls", 1, 1234567, 10, false),
	)
	return &Report{
		Machine: Machine{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CPU: "Some CPU", Cores: 2, MemoryMB: 24105, Kernel: "6.1", Go: "go1.26",
			Load: Settings{Server: "load", GOGC: "100", GOMEMLIMIT: "off", GOMAXPROCS: "2"}},
		SliceMillis: 2000, Connections: 64, Disturbance: 5,
		Servers: []Settings{{Server: ServerRoster, Protocol: "http", GOGC: "400", GOMEMLIMIT: "off", GOMAXPROCS: "2"}},
		Start:   &StartTimes{Millis: []float64{20, 30.26, 61}, MedianMillis: 30.26, GoalMillis: 50, Met: true},
		Rows:    summarise(slices), Slices: slices,
	}
}

const wantText = `Some CPU, 2 cores, 24,105 MB, Linux 6.1, go1.26, 2026-01-02 03:04 UTC
64 connections, closed loop, slices of 2000 ms; server and load share the machine
  load           GOGC 100  GOMEMLIMIT off  GOMAXPROCS 2
  roster   http  GOGC 400  GOMEMLIMIT off  GOMAXPROCS 2

 case        protocol  body B  server        req/s  CPU µs/req  p50 µs  p99 µs   req/s ×  CPU ×    goal  met  rounds
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 resolve-10  http         417  bare gin        100        10.0       1       2
                               roster           95        11.0       3       4      0.95   1.10  ≥ 0.90  yes  1 of 2
 heartbeat   mtls         417  bare gin        100        10.0       1       2
                               roster           79        14.0       3       4      0.79   1.40  ≥ 0.80  no   1 !
 list-10     mtls         417  bare gin        100        10.0       1       2
                               roster    1,234,567        10.0       3       4  12345.67   1.00               1

req/s ×: Roster's requests a second over bare Gin's, median of the rounds; goals are for it.
CPU ×: the server's CPU time a request over bare Gin's; less is better, and the load's own cost, 5.0 µs a request, does not dilute it.
1 of 4 rounds were thrown away: others or the hypervisor took more than 5 % of the machine's CPU.
! 1 of 3 rows had disturbed rounds only: those count for want of better, and such figures mean little.
start of ` + "`roster dev`" + ` to its first answer: median 30.3 ms of 3 starts (20.0 to 61.0), goal ≤ 50 ms: yes
`

func TestReportText(t *testing.T) {
	var b strings.Builder
	if err := sampleReport().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	got, want := trimmedLines(b.String()), trimmedLines(wantText)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("line %d of\n%s", i+1, b.String())
		}
	}
}

func trimmedLines(s string) []string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// full is a writer without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestReportTextToNowhere(t *testing.T) {
	if err := sampleReport().WriteText(full{}); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

func TestReportJSON(t *testing.T) {
	want := sampleReport()
	file := filepath.Join(t.TempDir(), "build", "bench.json")
	if err := want.WriteJSON(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("read back %+v", got)
	}
	if err := want.WriteJSON(filepath.Join(file, "below-a-file")); err == nil {
		t.Error("a folder that cannot be made gave no error")
	}
}

func TestGrouped(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 12345.6: "12,346", 1234567: "1,234,567"} {
		if got := grouped(f); got != want {
			t.Errorf("grouped(%v) = %s, want %s", f, got, want)
		}
	}
}
