package bench

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/roster-sd/roster/wire"
)

func TestRegistrations(t *testing.T) {
	c, ok := findCase(BackendRedis, caseRegister)
	if !ok {
		t.Fatal("no such case")
	}
	list := c.requests("h:1", &Fleet{})
	if len(list) != registerServices {
		t.Fatalf("%d requests, want %d", len(list), registerServices)
	}
	load := &Load{Requests: list}
	var services []string
	for i := range list {
		req, body := parseRequest(t, load.number(&list[i], nil))
		var in wire.Registration
		if err := json.Unmarshal([]byte(body), &in); err != nil || req.Method != "POST" || req.URL.Path != "/registry/register" || req.Header.Get(wire.HeaderToken) != "" {
			t.Fatalf("%s %s %q: %v", req.Method, req.URL, body, err)
		}
		if in.InstanceID != registerID(i+1) || in.Port == 0 || *in.TTL != recordTTL.Milliseconds() {
			t.Errorf("registration %d: %+v", i, in)
		}
		if len(list[i].Bytes) != len(list[0].Bytes) {
			t.Errorf("registration %d is of another length", i)
		}
		services = append(services, in.ServiceName)
	}
	if slices.Sort(services); len(slices.Compact(services)) != registerServices {
		t.Error("not one service each")
	}
}

func TestCheckRegistered(t *testing.T) {
	for body, good := range map[string]bool{
		`{"instance":{"serviceName":"s"},"token":"t","ttl":600000}`: true,
		`{"instance":{"serviceName":"x"},"token":"t","ttl":600000}`: false,
		`{"instance":{"serviceName":"s"},"token":"","ttl":600000}`:  false,
		`{"instance":{"serviceName":"s"},"token":"t","ttl":1}`:      false,
		`{"instance":`: false,
	} {
		if err := checkRegistered(nil, "s", []byte(body)); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
}
