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
	if o.Slice != 2*time.Second || o.Connections != 64 || o.Starts != 20 || o.JSON != "build/bench.json" {
		t.Errorf("defaults %+v", o)
	}
	if !slices.Equal(o.Cases, caseNames()) || !slices.Equal(o.Protocols, []string{ProtocolHTTP, ProtocolMTLS}) {
		t.Errorf("by default cases %v over %v", o.Cases, o.Protocols)
	}

	o, err = ParseFlags([]string{"--quick", "--slice", "1s", "--cases", "list-10, heartbeat", "--protocols=mtls", "--json", ""}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Slice != time.Second || o.Rounds != 2 || o.Starts != 5 || o.JSON != "" {
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
		{"--unknown"}, {"extra"},
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
