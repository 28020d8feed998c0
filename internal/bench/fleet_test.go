package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

func someCases(t *testing.T, names ...string) (cases []Case) {
	t.Helper()
	for _, name := range names {
		c, ok := findCase(BackendMemory, name)
		if !ok {
			t.Fatalf("no case %s", name)
		}
		cases = append(cases, c)
	}
	return cases
}

func fakeServer(t *testing.T, h http.Handler) (*httptest.Server, *API) {
	t.Helper()
	s := httptest.NewServer(h)
	api := newAPI(s.URL, nil)
	t.Cleanup(func() {
		api.HTTP.CloseIdleConnections()
		s.Close()
	})
	return s, api
}

func TestEnlistAndRenew(t *testing.T) {
	f := newFake()
	_, api := fakeServer(t, f)
	fleet, err := Enlist(t.Context(), api, someCases(t, "resolve-10", "list-10", "resolve-1"))
	if err != nil {
		t.Fatal(err)
	}
	if fleet.Size() != 11 || len(fleet.Of("bench-of-10-0000")) != 10 || len(f.services["bench-of-10-0000"]) != 10 {
		t.Errorf("%d instances, want 11: services that cases share are registered once", fleet.Size())
	}
	sizes := map[int]bool{}
	for _, m := range fleet.Of("bench-of-10-0000") {
		var ref wire.InstanceRef
		if err := json.Unmarshal(m.Heartbeat, &ref); err != nil || ref.ServiceName != m.Service || ref.InstanceID != m.ID {
			t.Errorf("heartbeat %s of %s: %v", m.Heartbeat, m.ID, err)
		}
		sizes[len(m.ID)] = true
	}
	if len(sizes) != 1 {
		t.Errorf("IDs of %d lengths", len(sizes))
	}
	if err := fleet.Renew(t.Context()); err != nil {
		t.Errorf("renew: %v", err)
	}
	delete(f.services, "bench-of-1-0000")
	if err := fleet.Renew(t.Context()); err == nil || !strings.Contains(err.Error(), "bench-of-1-0000-00000") {
		t.Errorf("renew with one lost: %v", err)
	}
}

func TestEnlistRefused(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"problem":     func(w http.ResponseWriter, _ *http.Request) { answer(w, 503, wire.Problem{Code: wire.CodeUnavailable}) },
		"shorter TTL": func(w http.ResponseWriter, _ *http.Request) { answer(w, 201, wire.Registered{Token: "t", TTL: 1000}) },
		"no token":    func(w http.ResponseWriter, _ *http.Request) { answer(w, 201, wire.Registered{TTL: 1 << 40}) },
		"not JSON":    func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) },
	} {
		_, api := fakeServer(t, h)
		if _, err := Enlist(t.Context(), api, someCases(t, "resolve-1")); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCalibrate(t *testing.T) {
	s, api := fakeServer(t, newFake())
	cases := someCases(t, "resolve-10", "heartbeat", "list-10")
	fleet, err := Enlist(t.Context(), api, cases)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		load, size, err := calibrate(t.Context(), target(s), &c, fleet)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if size < load.MinBody || size > load.MaxBody || load.MaxBody-load.MinBody > 4*slack {
			t.Errorf("%s: size %d, bounds %d to %d", c.Name, size, load.MinBody, load.MaxBody)
		}
	}
	ten := someCases(t, "list-10")[0]
	ten.Instances = 9
	fleet.members["bench-of-9-0000"] = fleet.Of("bench-of-10-0000")
	if _, _, err := calibrate(t.Context(), target(s), &ten, fleet); err == nil {
		t.Error("a list of ten where nine are wanted gave no error")
	}
}
