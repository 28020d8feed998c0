package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/wire"
)

func TestWatchResumes(t *testing.T) {
	follow(t, []step{
		{text: snapshot("", false, "x") + snapshot("e.1", true, "y") + put("e.2", "z") +
			sseText("delete", "e.3", `{"instanceId":"x","reason":"expired"}`) + put("", "half")},
		{text: put("", "half") + put("e.4", "rest"), hold: quiet},
	}, []string{
		"snapshot x first @", "snapshot y last @e.1", "put z @e.2", "delete x expired @e.3",
		"put half @e.3", "put half @e.3", "put rest @e.4",
	}, wantIDs("", "e.3"))
}

func TestWatchBeginsASnapshotAnew(t *testing.T) {
	follow(t, []step{
		{text: snapshot("e.1", true, "x") + snapshot("", false, "y")},
		{text: snapshot("", false, "z") + snapshot("e.5", true), hold: quiet},
	}, []string{
		"snapshot x first last @e.1", "snapshot y first @",
		"snapshot z first @", "snapshot last @e.5",
	}, wantIDs("", ""))
}

func TestWatchResync(t *testing.T) {
	follow(t, []step{
		{text: snapshot("e.1", true, "x") + sseText("resync", "", "{}")},
		{text: snapshot("f.1", true, "y"), hold: quiet},
	}, []string{"snapshot x first last @e.1", "resync @", "snapshot y first last @f.1"}, wantIDs("", ""))
}

func TestWatchPassesOverWhatItDoesNotKnow(t *testing.T) {
	follow(t, []step{
		{text: snapshot("e.1", true) + sseText("novelty", "e.2", "?") + "id: e.3\n\n" + put("bad\x01id", "x")},
		{text: put("e.4", "y"), hold: quiet},
	}, []string{"snapshot first last @e.1", "put x @e.3", "put y @e.4"}, wantIDs("", "e.3"))
}

func TestWatchSilence(t *testing.T) {
	follow(t, []step{
		{text: snapshot("e.1", true), every: 15 * time.Second, times: 40, hold: quiet},
		{text: put("e.2", "x"), hold: quiet},
	}, []string{"snapshot first last @e.1", "put x @e.2"}, func(t *testing.T, _ *Watcher, s *script) {
		after := s.seen[1].at.Sub(s.seen[0].at)
		least := 40*15*time.Second + maxSilence
		if after < least || after > least+2*backoffBase {
			t.Errorf("connected again after %v, want about %v", after, least)
		}
	})
}

func TestWatchWaitsForASlowReader(t *testing.T) {
	follow(t, []step{{text: snapshot("e.1", true) + put("e.2", "x") + put("e.3", "y"), hold: quiet}},
		[]string{"snapshot first last @e.1"}, func(t *testing.T, w *Watcher, s *script) {
			for _, want := range []string{"put x @e.2", "put y @e.3"} {
				time.Sleep(10 * time.Minute) // of the bubble's time
				if e, err := w.Next(t.Context()); err != nil || render(e) != want {
					t.Errorf("%v, %v; want %s", render(e), err, want)
				}
			}
			wantIDs("")(t, w, s)
		})
}

func TestWatchNextGivesUpWithItsContext(t *testing.T) {
	follow(t, []step{
		{text: snapshot("e.1", true), every: 10 * time.Second, times: 99},
		{text: put("e.2", "x"), hold: quiet},
	}, []string{"snapshot first last @e.1"}, func(t *testing.T, w *Watcher, s *script) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if _, err := w.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		before := time.Now()
		if e, err := w.Next(t.Context()); err != nil || render(e) != "put x @e.2" || time.Since(before) != 0 {
			t.Errorf("%v, %v after %v; want the next event at once", render(e), err, time.Since(before))
		}
		wantIDs("", "e.1")(t, w, s)
	})
}

func TestWatchClose(t *testing.T) {
	follow(t, []step{{text: snapshot("e.1", true), every: 10 * time.Second, times: 99}},
		[]string{"snapshot first last @e.1"}, func(t *testing.T, w *Watcher, _ *script) {
			time.AfterFunc(time.Minute, w.Close)
			for range 2 {
				if _, err := w.Next(t.Context()); !errors.Is(err, ErrClosed) {
					t.Errorf("error %v, want closed", err)
				}
			}
		})
}

func TestWatchBacksOff(t *testing.T) {
	problem := func(status int, code string, after string) step {
		h := http.Header{"Content-Type": {wire.ContentTypeProblem}}
		if after != "" {
			h.Set("Retry-After", after)
		}
		return step{status: status, header: h, text: `{"code":"` + code + `"}`}
	}
	steps := []step{{text: snapshot("e.1", true)}}
	for range 20 { // each try asks both addresses
		steps = append(steps, step{refuse: errors.New("connection refused")})
	}
	steps = append(steps, problem(503, "unavailable", "30"), problem(503, "unavailable", "30"),
		problem(429, "rate_limited", ""), step{text: put("e.2", "x"), hold: quiet})
	var waits []time.Duration
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, steps: steps}
		c, err := New(Options{Addresses: []string{"http://one", "http://two"}, InOrder: true, HTTPClient: &http.Client{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := c.Watch(t.Context(), WatchOptions{OnRetry: func(err error, d time.Duration) {
			if err == nil {
				t.Error("no error is told")
			}
			waits = append(waits, d)
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer synctest.Wait()
		defer w.Close()
		for _, want := range []string{"snapshot first last @e.1", "put x @e.2"} {
			if e, err := w.Next(t.Context()); err != nil || render(e) != want {
				t.Fatalf("%v, %v; want %s", render(e), err, want)
			}
		}
		if s.seen[1].host != "one" || s.seen[2].host != "two" {
			t.Errorf("asked %s, then %s; want both addresses", s.seen[1].host, s.seen[2].host)
		}
	})
	if len(waits) != 13 {
		t.Fatalf("%d waits, want 13: %v", len(waits), waits)
	}
	bound := backoffBase
	for i, d := range waits {
		least := time.Duration(0)
		if i == 11 {
			least = 30 * time.Second // said by Retry-After
		}
		if d <= least || d > least+bound+time.Millisecond {
			t.Errorf("wait %d is %v, want up to %v over %v", i, d, bound, least)
		}
		bound = min(2*bound, backoffMax)
	}
}

func TestWatchBackOffBeginsAnew(t *testing.T) {
	var steps []step
	var want []string
	for i := range 12 {
		steps = append(steps, step{text: put(fmt.Sprintf("e.%d", i), "x")})
		want = append(want, fmt.Sprintf("put x @e.%d", i))
	}
	follow(t, steps, want, func(t *testing.T, _ *Watcher, s *script) {
		for i, c := range s.seen[1:] {
			if wait := c.at.Sub(s.seen[i].at); wait > backoffBase+time.Millisecond {
				t.Errorf("connection %d came %v after one that gave an event", i+1, wait)
			}
		}
	})
}

func TestWatchRefused(t *testing.T) {
	forbidden := step{status: 403, header: http.Header{"Content-Type": {wire.ContentTypeProblem}}, text: `{"code":"forbidden"}`}
	follow(t, []step{{text: snapshot("e.1", true)}, forbidden}, []string{"snapshot first last @e.1"},
		func(t *testing.T, w *Watcher, _ *script) {
			if _, err := w.Next(t.Context()); !errors.Is(err, ErrForbidden) {
				t.Errorf("error %v, want forbidden", err)
			}
		})
	for name, steps := range map[string][]step{
		"forbidden":     {forbidden},
		"no stream":     {{header: http.Header{"Content-Type": {"text/html"}}, text: "<html>"}},
		"nobody there":  {{refuse: errors.New("refused")}, {refuse: errors.New("refused")}},
		"nobody speaks": {{forever: true}, {forever: true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{t: t, steps: steps}
			c, err := New(Options{Addresses: []string{"http://one", "http://two"}, InOrder: true, HTTPClient: &http.Client{Transport: s}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Watch(t.Context(), WatchOptions{}); err == nil || len(s.seen) != len(steps) {
				t.Errorf("%s: error %v after %d connections", name, err, len(s.seen))
			}
			synctest.Wait()
		})
	}
}

func TestWatchEventThatCannotBeRead(t *testing.T) {
	follow(t, []step{
		{text: snapshot("e.1", true) + sseText("put", "e.2", `{"port":`)},
		{text: snapshot("e.3", true, "x"), hold: quiet},
	}, []string{"snapshot first last @e.1"}, func(t *testing.T, w *Watcher, s *script) {
		if e, err := w.Next(t.Context()); err == nil {
			t.Errorf("%v was made of a broken event", render(e))
		}
		if e, err := w.Next(t.Context()); err != nil || render(e) != "snapshot x first last @e.3" {
			t.Errorf("%v, %v; want a fresh snapshot", render(e), err)
		}
		wantIDs("", "")(t, w, s)
	})
}

// The real transport: what the server sees, and that Close ends a read under way.
func TestWatchOverHTTP(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.RequestURI(); got != "/registry/watch?service=a&service=b&zone=z" {
			t.Errorf("asked for %s", got)
		}
		if r.Header.Get("Accept") != "text/event-stream" || r.Header.Get("Last-Event-ID") != "e.9" {
			t.Errorf("headers %v", r.Header)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, put("e.10", "x"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	w, err := reach(t, url).Watch(limited(t), WatchOptions{Services: []string{"a", "b"}, Filter: Filter{Zone: "z"}, After: "e.9"})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := w.Next(limited(t)); err != nil || render(e) != "put x @e.10" {
		t.Fatalf("%v, %v", render(e), err)
	}
	done := make(chan error)
	go func() { _, err := w.Next(limited(t)); done <- err }()
	w.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want closed", err)
	}
}
