package bench

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/etcdtest"
)

// redisServer is the path of a Redis, without which the test ends.
func redisServer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("no redis-server, which CI must have: %v", err)
	default:
		t.Skipf("no redis-server is installed: %v", err)
	}
	return path
}

func TestFindTellsWhatIsMissing(t *testing.T) {
	var stderr bytes.Buffer
	r := testRunner(t)
	r.progress = &printer{w: &stderr}
	r.options.Cases = []string{"resolve-10"}
	r.options.Protocols = []string{ProtocolHTTP}
	r.options.Backends, r.options.Redis, r.options.Etcd = nil, "/nonexistent/redis-server", "/nonexistent/etcd"
	if err := r.find(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.present) > 0 || len(r.report.Missing) != 2 || r.report.Missing[0].Backend != BackendRedis || !strings.Contains(r.report.Missing[1].Why, "/nonexistent/etcd") {
		t.Errorf("present %v, missing %+v", r.present, r.report.Missing)
	}
	if strings.Count(stderr.String(), "is NOT MEASURED") != 2 {
		t.Errorf("stderr %q", &stderr)
	}

	// Who asks for one by name wants it.
	r.options.Backends = []string{BackendEtcd}
	if err := r.find(t.Context()); !errors.Is(err, errNoBackend) || !strings.Contains(err.Error(), "etcd") {
		t.Errorf("asked for: %v", err)
	}
	r.options.Cases = []string{"list-10"}
	if err := r.find(t.Context()); err != nil {
		t.Errorf("nothing to measure on it: %v", err)
	}
}

func TestTimeSync(t *testing.T) {
	dir := t.TempDir()
	if took, err := timeSync(dir); err != nil || took <= 0 {
		t.Errorf("%v µs, %v", took, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := timeSync(filepath.Join(dir, "none")); err == nil {
		t.Error("no folder gave no error")
	}
}

func TestBackendThatDoesNotStart(t *testing.T) {
	r := testRunner(t)
	r.data = t.TempDir()
	no := filepath.Join(r.data, "no")
	if err := os.WriteFile(no, []byte("#!/bin/sh\necho the reason >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.bin.redis, r.bin.etcd = no, no
	for _, name := range []string{BackendRedis, BackendEtcd} {
		if _, err := r.startBackend(t.Context(), name, filepath.Join(r.data, name)); err == nil || !strings.Contains(err.Error(), "the reason") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The writes of a backend alone are right ones: they are counted, they are there, and they
// can be undone.
func testWrites(t *testing.T, r *runner, name string) *Backend {
	t.Helper()
	r.data = t.TempDir()
	b, err := r.startBackend(t.Context(), name, filepath.Join(r.data, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if len(r.report.Backends) != 1 || r.report.Backends[0].Version == "" || !strings.HasPrefix(r.report.Backends[0].Settings, "one ") {
		t.Errorf("about %+v", r.report.Backends)
	}
	load, what := b.writes(777)
	if !strings.Contains(what, "777 bytes") {
		t.Errorf("writes %q", what)
	}
	slice, err := Measure(t.Context(), b.target(), load, 3, 100*time.Millisecond)
	if err != nil || slice.Errors > 0 || slice.Requests == 0 || slice.Server != name+" alone" {
		t.Fatalf("%+v, %v", slice, err)
	}
	if n, err := b.stored(t.Context(), "0000000001"); err != nil || n != 777 {
		t.Errorf("the first is %d bytes long, %v, want 777", n, err)
	}
	if n, err := b.stored(t.Context(), "nothing"); err != nil || n != 0 {
		t.Errorf("nothing is %d bytes long, %v", n, err)
	}
	return b
}

func TestRedisWrites(t *testing.T) {
	r := testRunner(t)
	r.bin.redis = redisServer(t)
	b := testWrites(t, r, BackendRedis)
	if got := r.report.Backends[0].Settings; got != "one server, appendonly yes, appendfsync everysec, save 3600 1 300 100 60 10000, maxmemory-policy noeviction" {
		t.Errorf("settings %q", got)
	}
	if err := b.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := b.stored(t.Context(), "bench"); err != nil || n != 0 {
		t.Errorf("left: %d, %v", n, err)
	}
}

func TestEtcdWrites(t *testing.T) {
	r := testRunner(t)
	r.bin.etcd = etcdtest.Binary(t)
	testWrites(t, r, BackendEtcd)
}

// A whole run over both: the fake in Roster's place, and true backends behind and beside it.
func TestRunOnSharedBackends(t *testing.T) {
	o := quickOptions(t, bareBinary(t))
	o.Redis, o.Etcd, o.Data = redisServer(t), etcdtest.Binary(t), t.TempDir()
	o.Backends, o.Protocols = []string{BackendRedis, BackendEtcd}, []string{ProtocolMTLS, ProtocolHTTP}
	o.Cases, o.Starts, o.Slice = []string{"resolve-10", "heartbeat", caseRegister, caseBatch}, 0, 50*time.Millisecond
	var stdout bytes.Buffer
	if err := Run(t.Context(), o, &stdout, io.Discard); err != nil {
		t.Fatalf("run: %v", err)
	}
	for _, want := range []string{
		"redis 7", "etcd 3", "their data is in", "fsync takes", "redis alone: on each connection MULTI", "etcd alone: on each connection LeaseGrant",
		"roster, memory", "≥ 0.95", "≥ 0.70", "≥ 0.50", "50 heartbeats a request on 4 connections",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
	if got := strings.Count(stdout.String(), "\n register "); got != 2 {
		t.Errorf("%d rows of register, want one for each backend\n%s", got, &stdout)
	}
	if left, err := os.ReadDir(o.Data); err != nil || len(left) > 0 {
		t.Errorf("data left behind: %v, %v", left, err)
	}
}
