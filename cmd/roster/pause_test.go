//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// TestPauseEvictsNobody stops the process for three TTLs. Who goes on renewing afterwards
// was never gone; who does not is gone a TTL later. It takes real time, as the pause is
// one of the whole process.
func TestPauseEvictsNobody(t *testing.T) {
	t.Parallel()
	const ttl = 2400 * time.Millisecond // or a busy machine would take it for a death
	w := newWorld(t)
	w.env = append(w.env, "SVC_TTL=2400")
	p, url := w.dev()
	c, err := client.New(client.Options{Addresses: []string{url}, Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()

	// Two of each surface: one that goes on, one whose owner ends with the pause.
	local := map[string]string{}
	native := map[string]wire.Registered{}
	for _, id := range []string{"alive", "dead"} {
		local[id] = registerLocal(t, url, id)
		got, err := c.RegisterOnce(ctx, wire.Registration{ServiceName: "native", InstanceID: id, Port: 1}, "")
		if err != nil {
			t.Fatal(err)
		}
		seen.token(t.Name(), got.Token)
		native[id] = got
		if got.TTL != ttl.Milliseconds() {
			t.Fatalf("the TTL granted is %d ms, want %s", got.TTL, ttl)
		}
	}
	events, err := c.Watch(ctx, client.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	gone := make(chan wire.Deleted, 16)
	go func() {
		defer close(gone)
		for {
			e, err := events.Next(ctx)
			if err != nil {
				return
			}
			if e.Deleted != nil {
				gone <- *e.Deleted
			}
		}
	}()

	// Half of the TTL is over when the pause begins. What was left of it runs on after the
	// pause, and the hold adds to it.
	<-time.After(ttl / 2)
	p.signal(syscall.SIGSTOP)
	<-time.After(2 * ttl)
	p.signal(syscall.SIGCONT)
	resumed := time.Now()

	// Those that go on do so at once, and then as they always do.
	var renewing sync.WaitGroup
	stop := make(chan struct{})
	renewing.Go(func() {
		tick := time.NewTicker(ttl / 3)
		defer tick.Stop()
		for {
			if !renewLocal(t, url, local["alive"]) {
				t.Error("the loopback surface does not know the instance that was renewed")
			}
			if _, err := c.Heartbeat(ctx, wire.InstanceRef{ServiceName: "native", InstanceID: "alive"}, native["alive"].Token); err != nil {
				t.Errorf("heartbeat after the pause: %v", err)
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	defer func() { close(stop); renewing.Wait() }()

	// Within the TTL after the pause the silent ones are held, which /ready tells.
	var held wire.Health
	eventually(t, "/ready is degraded", func() bool {
		status, body := get(url + "/ready")
		if err := json.Unmarshal([]byte(body), &held); err != nil || status != http.StatusOK {
			t.Fatalf("/ready: %d, %s", status, body)
		}
		return held.Status == "degraded" && held.Held == 2
	})
	if len(held.Reasons) != 1 || !strings.Contains(held.Reasons[0], "paused") {
		t.Errorf("/ready says %+v, want 2 held, because of the pause", held)
	}
	if in, err := c.Instance(ctx, wire.InstanceRef{ServiceName: "native", InstanceID: "dead"}, client.ReadOptions{}); err != nil || in.Health != "suspect" {
		t.Errorf("the silent instance is %+v, %v; want it listed as suspect", in, err)
	}
	if _, text := get(url + "/metrics"); !strings.Contains(text, "\nroster_instances_held 2\n") {
		t.Error("the metrics do not tell of two that are held")
	}

	// And then they are gone, and they alone.
	for range 2 {
		select {
		case d := <-gone:
			if d.Reason != "expired" || d.InstanceID != "dead" && d.InstanceID != local["dead"] {
				t.Errorf("evicted: %+v", d)
			}
		case <-time.After(patient):
			t.Fatal("the silent ones are not gone")
		}
	}
	if late := time.Since(resumed); late < ttl-100*time.Millisecond || late > ttl+patient {
		t.Errorf("the silent ones were gone %s after the pause, want one TTL of %s", late, ttl)
	}
	eventually(t, "/ready is ok again", func() bool {
		_, body := get(url + "/ready")
		return strings.Contains(body, `"status":"ok"`)
	})
	// Long enough for those that went on to be found out, if it was only a delay.
	select {
	case d := <-gone:
		t.Errorf("evicted as well: %+v", d)
	case <-time.After(time.Until(resumed.Add(2 * ttl))):
	}
	list, err := c.Services(ctx, client.ReadOptions{})
	if err != nil || len(list.Services) != 2 || list.Services[0].Up != 1 || list.Services[1].Up != 1 {
		t.Errorf("left: %+v, %v; want one of each surface", list.Services, err)
	}

	_, text := get(url + "/metrics")
	for _, want := range []string{"roster_pauses_total 1", "roster_leases_expired_total 2", "roster_instances_held 0"} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("the metrics do not have %q", want)
		}
	}
	if log := p.err.String(); strings.Count(log, "did not run for a while") != 1 || !strings.Contains(log, `"level":"WARN","msg":"the registry did not run for a while`) {
		t.Error("the log does not tell of one pause")
	}
}

func registerLocal(t *testing.T, url, id string) string {
	t.Helper()
	var got struct {
		OK       bool
		Instance struct{ ID string }
	}
	postLocal(t, url+"/register", fmt.Sprintf(`{"name":"local","port":3000,"host":"10.0.0.1","id":%q}`, id), &got)
	if !got.OK || got.Instance.ID != id {
		t.Fatalf("registered %+v", got)
	}
	return got.Instance.ID
}

func renewLocal(t *testing.T, url, id string) bool {
	t.Helper()
	var got struct {
		OK       bool
		Instance *struct{ ID string }
	}
	postLocal(t, url+"/heartbeat", fmt.Sprintf(`{"name":"local","id":%q}`, id), &got)
	return got.OK && got.Instance != nil && got.Instance.ID == id
}

func postLocal(t *testing.T, url, body string, into any) {
	t.Helper()
	resp, err := single.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", url, resp.Status, err)
	}
}
