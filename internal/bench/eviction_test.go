package bench

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

// register registers an instance and gives its ID.
func register(t *testing.T, api *API, service, id string, ttl time.Duration) string {
	t.Helper()
	if err := api.post(t.Context(), "/registry/register", rawclient.Registration(service, id, 0, ttl), new(wire.Registered)); err != nil {
		t.Fatal(err)
	}
	return id
}

// fakeCrowd is a fake that holds n instances, of which 20 more die at once.
func fakeCrowd(t *testing.T, r *runner, f *fake, n int) *crowd {
	t.Helper()
	s, api := fakeServer(t, f)
	w := &crowd{backend: BackendRedis, protocol: ProtocolHTTP, roster: &Server{Target: target(s), API: api}, dying: 20, ttl: 400 * time.Millisecond}
	var err error
	w.members, err = r.recruit(t.Context(), w.roster.Target, n, func(i int) wire.Registration {
		return rawclient.Registration(crowdService(i), fmt.Sprintf("stays-%06d", i), i, crowdTTL)
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestEvict(t *testing.T) {
	r := testRunner(t)
	r.options.Rounds = 2
	f := newFake()
	w := fakeCrowd(t, r, f, 30)
	if err := r.evict(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if len(r.report.Waves) != 2 {
		t.Fatalf("%d waves, want 2", len(r.report.Waves))
	}
	for i, wave := range r.report.Waves {
		if wave.Number != i+1 || wave.Backend != BackendRedis || wave.Instances != 30 || wave.Dying != 20 || wave.Early != 0 {
			t.Errorf("wave %+v", wave)
		}
		// The fake counts in whole milliseconds from when it read the request.
		if wave.MaxMillis < wave.P50Millis || wave.P50Millis < -wave.WindowMillis-1 || wave.WindowMillis <= 0 {
			t.Errorf("lateness %+v", wave)
		}
	}
	if n := f.size(crowdService(0)); len(w.members) != 30 || n != 1 {
		t.Errorf("%d of the crowd, %d in the first service", len(w.members), n)
	}
}

func TestEvictionThatIsEarly(t *testing.T) {
	r := testRunner(t)
	f := newFake()
	f.early = 100 * time.Millisecond
	if err := r.evict(t.Context(), fakeCrowd(t, r, f, 1)); err != nil {
		t.Fatal(err)
	}
	if w := r.report.Waves[0]; w.Early != 20 || w.MaxMillis > -40 {
		t.Errorf("wave %+v, want all 20 early by 100 ms", w)
	}
	if e := summariseWaves(r.report.Waves)[0]; e.Met {
		t.Errorf("%+v: who leaves early does not meet a goal", e)
	}
}

func TestLateness(t *testing.T) {
	begun := time.Now()
	v := &victims{last: renewal{begun: begun, ended: begun.Add(4 * time.Millisecond)}}
	left := map[string]time.Time{}
	for i := range 200 {
		id := fmt.Sprint(i)
		v.all = append(v.all, Registered{ID: id})
		v.last.granted = append(v.last.granted, time.Second)
		left[id] = begun.Add(time.Second + time.Duration(4+i)*time.Millisecond)
	}
	left["7"] = begun.Add(time.Second - time.Microsecond)
	left["8"] = begun.Add(time.Second + time.Microsecond) // between the bounds: not early
	var w Wave
	w.figure(v, left)
	if w.Early != 1 || !near(w.WindowMillis, 4) || !near(w.P50Millis, 99) || !near(w.P99Millis, 197) || !near(w.MaxMillis, 199) {
		t.Errorf("%+v", w)
	}
}

func TestPercentile(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		p      int
		want   float64
	}{{nil, 99, 0}, {[]float64{5}, 99, 5}, {[]float64{1, 2, 3, 4}, 50, 2}, {[]float64{1, 2, 3, 4}, 99, 4}, {[]float64{1, 2, 3, 4}, 0, 1}} {
		if got := percentile(tc.values, tc.p); got != tc.want {
			t.Errorf("percentile %d of %v = %v, want %v", tc.p, tc.values, got, tc.want)
		}
	}
}

func TestWatcherThatSeesSomethingElse(t *testing.T) {
	const snapshot = "event: snapshot\ndata: {\"last\":true,\"instances\":[]}\n\n"
	gone := func(id, reason string) string {
		return fmt.Sprintf("event: delete\ndata: {\"instanceId\":%q,\"reason\":%q}\n\n", id, reason)
	}
	for name, tc := range map[string]struct{ events, want string }{
		"another leaves":    {gone("stays-1", "expired"), "stays-1 left"},
		"another reason":    {gone("dies-1", "deregistered"), "deregistered"},
		"one leaves twice":  {gone("dies-1", "expired") + gone("dies-1", "expired"), "dies-1 left"},
		"too slow a reader": {"event: resync\ndata: {}\n\n", "resync"},
		"the end":           {gone("dies-1", "expired"), "saw 1 of 2 leave"},
	} {
		_, api := fakeServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, snapshot+tc.events) }))
		w, err := api.watch(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err = w.leaving("dies-", 2); err == nil || !strings.Contains(err.Error(), tc.want) || name != "the end" && !errors.Is(err, errWrongLeave) {
			t.Errorf("%s: %v", name, err)
		}
		w.close()
	}
}
