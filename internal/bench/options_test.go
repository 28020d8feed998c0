package bench

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlags(t *testing.T) {
	o, err := ParseFlags(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Slice != 1500*time.Millisecond || o.Crowd != 100_000 || o.Redis != "redis-server" || o.Data != "build" || o.Connections != 64 || o.Starts != 20 || o.JSON != "build/bench.json" {
		t.Errorf("defaults %+v", o)
	}
	if !slices.Equal(o.Cases, caseNames()) || !slices.Equal(o.Protocols, []string{ProtocolHTTP, ProtocolMTLS}) {
		t.Errorf("by default cases %v over %v", o.Cases, o.Protocols)
	}

	if len(o.Backends) > 0 || !slices.Equal(o.backends(), []string{"memory", "redis", "etcd"}) {
		t.Errorf("by default backends %v, measured %v", o.Backends, o.backends())
	}

	o, err = ParseFlags([]string{"--quick", "--slice", "1s", "--cases", "list-10, heartbeat", "--protocols=mtls", "--json", ""}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Slice != time.Second || o.Rounds != 2 || o.Starts != 5 || o.Crowd != 10_000 || o.JSON != "" {
		t.Errorf("--quick with --slice: %+v", o)
	}
	if !slices.Equal(o.Cases, []string{"list-10", "heartbeat"}) || !slices.Equal(o.Protocols, []string{"mtls"}) {
		t.Errorf("cases %v over %v", o.Cases, o.Protocols)
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--slice", "1ms"}, {"--slice", "2m"}, {"--slice", "2"}, {"--rounds", "0"}, {"--connections", "0"},
		{"--starts", "-1"}, {"--calm", "-1s"}, {"--disturbance", "0"}, {"--cases", "resolve-2"}, {"--protocols", "https"},
		{"--backends", "consul"}, {"--crowd", "0"}, {"--unknown"}, {"extra"},
	} {
		if _, err := ParseFlags(args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	_, err := ParseFlags([]string{"--rounds", "0", "--connections", "-1", "--cases", "x,y"}, io.Discard)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"rounds 0", "connections -1", `case "x"`, `case "y"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
	if _, err := ParseFlags([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
}

func TestWhatIsMeasuredOfABackend(t *testing.T) {
	o, err := ParseFlags([]string{"--backends", "etcd, memory", "--cases", "resolve-1,register,resolve-10", "--protocols", "mtls,http"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.backends(); !slices.Equal(got, []string{"memory", "etcd"}) {
		t.Errorf("backends %v", got)
	}
	names := func(backend, protocol string) (out []string) {
		for _, c := range o.cases(backend, protocol) {
			out = append(out, c.Name)
		}
		return out
	}
	for _, tc := range []struct {
		backend, protocol string
		want              []string
	}{
		{BackendMemory, ProtocolHTTP, []string{"resolve-1", "resolve-10", "register"}},
		{BackendEtcd, ProtocolMTLS, []string{"resolve-10", "register"}},
		{BackendEtcd, ProtocolHTTP, []string{"resolve-10"}},
	} {
		if got := names(tc.backend, tc.protocol); !slices.Equal(got, tc.want) {
			t.Errorf("%s over %s: %v, want %v", tc.backend, tc.protocol, got, tc.want)
		}
	}
	o.Cases = []string{"list-10"}
	if o.wants(BackendRedis) || !o.wants(BackendMemory) || o.crowded() {
		t.Error("list-10 is measured on memory, and nowhere else")
	}
	if o.Cases = []string{caseEviction}; !o.wants(BackendRedis) || !o.crowded() {
		t.Error("an eviction is measured on all backends")
	}
}
