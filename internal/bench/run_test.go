package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/bench/machine"
	"github.com/roster-sd/roster/internal/bench/rawclient"
)

// quickOptions measure the fake, this very binary, against the bare server.
func quickOptions(t *testing.T, bare string) Options {
	t.Helper()
	roster, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Slice: 200 * time.Millisecond, Rounds: 1, Connections: 4, Starts: 3, Disturbance: 1000, Roster: roster, Bare: bare,
		Cases: []string{"resolve-10", "heartbeat", "list-10"}, Backends: []string{BackendMemory}, Crowd: 50, JSON: filepath.Join(t.TempDir(), "bench.json"),
	}
}

// testRunner is a run that measures what a test gives it.
func testRunner(t *testing.T) *runner {
	t.Helper()
	return &runner{options: quickOptions(t, ""), dir: t.TempDir(), progress: &printer{w: io.Discard}, report: &Report{}}
}

// bareBinary builds the bare server.
func bareBinary(t *testing.T) string {
	t.Helper()
	bare := filepath.Join(t.TempDir(), "baregin")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "nomsgpack", "-o", bare, "./cmd/baregin")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as all else is built, under the race detector too
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bare
}

func TestRun(t *testing.T) {
	o := quickOptions(t, bareBinary(t))
	var stdout, stderr bytes.Buffer
	if err := Run(t.Context(), o, &stdout, &stderr); err != nil {
		t.Fatalf("run: %v\n%s", err, &stderr)
	}
	data, err := os.ReadFile(o.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 6 || len(got.Slices) != 12 || len(got.Servers) != 4 || len(got.Start.Millis) != 3 {
		t.Errorf("%d rows, %d slices, %d servers, starts %v", len(got.Rows), len(got.Slices), len(got.Servers), got.Start)
	}
	for _, s := range got.Slices {
		if s.Requests == 0 || s.Errors != 0 || s.BodyBytes < 10 {
			t.Errorf("slice %+v", s)
		}
	}
	if got.Servers[1].GOGC != "400" || got.Servers[0].GOMAXPROCS == machine.Unknown {
		t.Errorf("settings %+v", got.Servers)
	}
	for _, want := range []string{"heartbeat", "≥ 0.80", "start of `roster dev`"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
	if !strings.Contains(stderr.String(), "registered 1010 instances") {
		t.Errorf("progress\n%s", &stderr)
	}
}

func TestRunReportsWhatItHasWhenItFails(t *testing.T) {
	o := quickOptions(t, "/nonexistent/baregin")
	o.Protocols = []string{ProtocolHTTP}
	var stdout, stderr bytes.Buffer
	if err := Run(t.Context(), o, &stdout, &stderr); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run without a bare server: %v", err)
	}
	if !strings.Contains(stdout.String(), "start of `roster dev`") {
		t.Errorf("report\n%s", &stdout)
	}
}

func TestRunInterrupted(t *testing.T) {
	o := quickOptions(t, "/nonexistent/baregin")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if err := Run(ctx, o, &stdout, &stderr); !errors.Is(err, context.Canceled) || stdout.Len() > 0 {
		t.Errorf("error %v, report %q", err, &stdout)
	}
}

func TestRequestsThatFailEndTheRun(t *testing.T) {
	s, _ := fakeServer(t, newFake())
	r := testRunner(t)
	c := contest{label: Slice{Case: "nothing"}, sides: []side{
		{target: target(s), load: &Load{Requests: []Request{{Bytes: rawclient.Get("h", "/nothing")}}, MaxBody: 100}},
	}}
	if err := r.play(t.Context(), &c); !errors.Is(err, errLoad) || !strings.Contains(err.Error(), "status 404") {
		t.Errorf("play: %v", err)
	}
	if len(r.report.Slices) == 0 {
		t.Error("the slice that failed is not in the report")
	}
}
