package bench

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

func TestRecruit(t *testing.T) {
	f := newFake()
	s, api := fakeServer(t, f)
	r := testRunner(t)
	describe := func(i int) wire.Registration {
		return rawclient.Registration(crowdService(i), fmt.Sprintf("i-%04d", i), i, time.Minute)
	}
	got, err := r.recruit(t.Context(), target(s), 250, describe)
	if err != nil || len(got) != 250 {
		t.Fatalf("%d, %v", len(got), err)
	}
	for i, m := range got {
		if m.ID != fmt.Sprintf("i-%04d", i) || m.Service != crowdService(i) || m.Token != token(m.Service, m.ID) {
			t.Errorf("instance %d: %+v", i, m)
		}
	}
	if len(f.services) != crowdServices || len(f.services[crowdService(0)]) != 3 {
		t.Errorf("%d services, %d in the first", len(f.services), len(f.services[crowdService(0)]))
	}
	if _, err := api.renew(t.Context(), got); err != nil {
		t.Errorf("renew: %v", err)
	}
	for name, h := range map[string]http.HandlerFunc{
		"problem":     func(w http.ResponseWriter, _ *http.Request) { answer(w, 503, wire.Problem{}) },
		"shorter TTL": func(w http.ResponseWriter, _ *http.Request) { answer(w, 201, wire.Registered{Token: "t", TTL: 1}) },
		"no token":    func(w http.ResponseWriter, _ *http.Request) { answer(w, 201, wire.Registered{TTL: 1 << 40}) },
	} {
		s, _ := fakeServer(t, h)
		if _, err := r.recruit(t.Context(), target(s), 10, describe); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
