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

	"github.com/roster-sd/roster/internal/bench/machine"
)

func sampleReport() *Report {
	redis := pair("resolve-10", "http", 1, 96, 10, false)
	for i := range redis {
		redis[i].Backend, redis[i].Against = BackendRedis, ServerMemory
	}
	redis[0].Server, redis[1].BackendCPUMicros = ServerMemory, 2.54
	alone := pair("register", "http", 1, 20, 40, false)
	for i := range alone {
		alone[i].Backend, alone[i].Against = BackendRedis, "redis alone"
	}
	alone[0].Server = "redis alone"
	batch := pair(caseBatch, "http", 1, 60, 9000, false)[1:]
	batch[0].Against, batch[0].Items = "", 10_000
	slices := join(
		pair("resolve-10", "http", 1, 95, 11, false),
		pair("resolve-10", "http", 2, 10, 99, true),
		pair("heartbeat", "mtls", 1, 79, 14, true),
		pair("list-10", "mtls", 1, 1234567, 10, false),
		batch, redis, alone,
	)
	settings := Settings{Server: ServerRoster, Backend: BackendMemory, Protocol: "http", GOGC: "400", GOMEMLIMIT: "off", GOMAXPROCS: "2"}
	mtls := settings
	mtls.Protocol = "mtls"
	waves := []Wave{
		{Backend: BackendMemory, Protocol: "http", Number: 1, Instances: 100_000, Dying: 1000, WindowMillis: 2.25, P50Millis: 12.34, P99Millis: 49.96, MaxMillis: 51},
		{Backend: BackendEtcd, Protocol: "http", Number: 1, Instances: 2000, Dying: 1000, Early: 3, WindowMillis: 20, P50Millis: 700, P99Millis: 1200, MaxMillis: 1300, Disturbed: true},
	}
	return &Report{
		Machine: machine.Machine{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CPU: "Some CPU", Cores: 2, MemoryMB: 24105, Kernel: "6.1", Go: "go1.26",
			Load: Settings{Server: "load", GOGC: "100", GOMEMLIMIT: "off", GOMAXPROCS: "2"}},
		SliceMillis: 2000, Connections: 64, Disturbance: 5,
		Servers:   []Settings{settings, mtls, settings},
		Backends:  []About{{Backend: BackendRedis, Version: "7.0.15", Settings: "one server, appendonly yes", Write: "MULTI, EXEC"}},
		Missing:   []Missing{{BackendEtcd, "no such file"}},
		Disk:      &Disk{Folder: "build", SyncMicros: 1234},
		Start:     &StartTimes{Millis: []float64{20, 30.26, 61}, MedianMillis: 30.26, GoalMillis: 50, Met: true},
		Cold:      &StartTimes{Millis: []float64{80, 90.26, 310}, MedianMillis: 90.26, GoalMillis: 300, Met: true},
		Rows:      summarise(slices),
		Slices:    slices,
		Evictions: summariseWaves(waves),
		Waves:     waves,
	}
}

func TestReportText(t *testing.T) {
	var b strings.Builder
	if err := sampleReport().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join("testdata", "report.txt"))
	if err != nil {
		t.Fatal(err)
	}
	got, want := trimmedLines(b.String()), trimmedLines(string(file))
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
