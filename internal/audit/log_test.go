package audit

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Each line is an object with what the event has, and no more.
func TestLines(t *testing.T) {
	var out stream
	l, told := opened(t, Options{File: Stderr, Stderr: &out})
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.FixedZone("", 3600))
	l.Write(Event{Time: at, Kind: Register, Outcome: Allow, Identity: "orders", From: "192.0.2.1", Action: "register", Service: "orders",
		Instance: "o-1", Rule: Rule{Text: `auth.policies[0] allows it to "o*"`, Index: 0}, Note: "a\nb"})
	l.Write(Event{Time: at, Kind: Denied, Outcome: Deny, Identity: "web", Action: "admin", Rule: Rule{Text: "none of auth.policies allows it", Index: -1}})
	l.Write(Event{Time: at, Kind: Stop})
	closed(t, l)
	want := `{"time":"2026-03-04T11:00:00Z","kind":"register","outcome":"allowed","node":"n1","identity":"orders","from":"192.0.2.1","action":"register","service":"orders","instance":"o-1","rule_index":0,"rule":"auth.policies[0] allows it to \"o*\"","note":"a\nb"}
{"time":"2026-03-04T11:00:00Z","kind":"denied","outcome":"denied","node":"n1","identity":"web","action":"admin","rule":"none of auth.policies allows it"}
{"time":"2026-03-04T11:00:00Z","kind":"stop","node":"n1"}
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := l.Stats(); got != (Stats{Written: 3}) || told.String() != "" {
		t.Errorf("%+v, told %s", got, told)
	}
	l.Write(Event{Kind: Start})
	if got := l.Stats(); got.Lost != 1 {
		t.Errorf("after its end: %+v", got)
	}
	closed(t, l)
}

// What strangers can make long is cut, and every field goes by the guard.
func TestBoundsAndGuard(t *testing.T) {
	var out stream
	l, _ := opened(t, Options{File: Stderr, Stderr: &out, Guard: func(_ []string, a slog.Attr) slog.Attr {
		return slog.String(a.Key, strings.ReplaceAll(a.Value.String(), "secret", "[masked]"))
	}})
	l.Write(Event{Kind: TokenRefused, Identity: "secret" + strings.Repeat("i", 5000), From: "secret", Service: "secret", Instance: "secret",
		Why: "secret" + strings.Repeat("w", 5000), Note: "secret", Rule: Rule{Text: "secret"}})
	closed(t, l)
	if got := out.String(); strings.Contains(got, "secret") || len(got) > maxWhy+maxIdentity+600 || !strings.Contains(got, `"kind":"token_refused"`) {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

// A flood of denials writes a bounded number of lines, and none of what is allowed is lost.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out stream
		l, _ := opened(t, Options{File: Stderr, Stderr: &out})
		const seconds = 5
		for range seconds {
			for i := range 1000 {
				l.Write(Event{Kind: Denied, Outcome: Deny, Identity: "loud", Service: fmt.Sprint(i)})
				l.Write(Event{Kind: HandshakeRefused, Outcome: Deny, From: fmt.Sprint("192.0.2.", i%256)})
			}
			l.Write(Event{Kind: Denied, Outcome: Deny, Identity: "quiet"})
			l.Write(Event{Kind: Register, Outcome: Allow, Identity: "loud"})
			time.Sleep(time.Second)
			synctest.Wait()
		}
		closed(t, l)
		list := entries(t, out.String())
		told := map[string]float64{}
		for _, e := range list {
			who, _ := e["identity"].(string)
			if n, ok := e["count"].(float64); ok {
				told[who] += n
			}
		}
		if n := kinds(list); n["denied"] != seconds*(perWindow+1) || n["handshake_refused"] != seconds*perWindow || n["register"] != seconds || n["suppressed"] > 2*(seconds+1) {
			t.Errorf("lines: %v", n)
		}
		if want := float64(seconds * (1000 - perWindow)); told["loud"] != want || told[""] != want || told["quiet"] != 0 {
			t.Errorf("told to be left out: %v, want %v of each of the two", told, want)
		}
		if got := l.Stats(); got.Suppressed != 2*seconds*(1000-perWindow) || got.Lost != 0 {
			t.Errorf("%+v", got)
		}
		if n := len(l.flood.of); n > 3 {
			t.Errorf("%d identities are tracked", n)
		}
	})
}

// However many identities there are, those that are tracked are bounded, and forgotten.
func TestFloodOfIdentities(t *testing.T) {
	var f flood
	now := time.Now()
	for i := range 3 * maxTracked {
		f.pass(fmt.Sprint(i), now)
	}
	if n := len(f.of); n > maxTracked+1 {
		t.Errorf("%d are tracked", n)
	}
	if list := f.sweep(now); len(list) != 1 || list[0].Identity != "" || list[0].Count != 2*maxTracked-perWindow {
		t.Errorf("%+v", list)
	}
	f.sweep(now.Add(window))
	if n := len(f.of); n != 0 {
		t.Errorf("%d are tracked for ever", n)
	}
}

// A disk that is full for a while loses nothing that fits into the queue, and is told once.
func TestFullForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out stream
		l, told := opened(t, Options{File: Stderr, Stderr: &out})
		out.fail(errors.New("no space left on device"), 25)
		for i := range 100 {
			l.Write(Event{Kind: Register, Outcome: Allow, Instance: fmt.Sprint(i)})
			if i%10 == 0 {
				time.Sleep(lookEvery / 2)
			}
		}
		if !l.Stats().Failing || strings.Count(told.String(), "audit log: it cannot be written") != 1 {
			t.Errorf("%+v, told %s", l.Stats(), told)
		}
		out.fail(nil, 0)
		time.Sleep(lookEvery)
		synctest.Wait()
		if got := l.Stats(); got != (Stats{Written: 100}) || strings.Count(told.String(), "audit log: written again") != 1 {
			t.Errorf("%+v, told %s", got, told)
		}
		closed(t, l)
		for i, e := range entries(t, out.String()) {
			if e["instance"] != fmt.Sprint(i) {
				t.Fatalf("line %d is of %v", i, e["instance"])
			}
		}
	})
}

// A disk that stays full holds nobody up; what is lost is counted, in the log itself once it
// can be written again, and at the end.
func TestFullForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out stream
		l, told := opened(t, Options{File: Stderr, Stderr: &out})
		out.fail(errors.New("no space left on device"), 0)
		const events = 4 * queued
		for range events {
			l.Write(Event{Kind: Register, Outcome: Allow, Service: "orders", Instance: "o-1", Identity: "spiffe://example.org/orders"})
		}
		synctest.Wait()
		lost := l.Stats().Lost
		if lost == 0 || lost >= events {
			t.Errorf("%d of %d are lost", lost, events)
		}
		out.fail(nil, 0)
		time.Sleep(3 * lookEvery)
		synctest.Wait()
		if got := l.Stats(); got.Failing || got.Lost != lost || got.Written != events-lost+1 {
			t.Errorf("%+v, lost before %d", got, lost)
		}
		list := entries(t, out.String())
		if n := kinds(list); n["lost"] != 1 || !strings.Contains(told.String(), "audit log: events were lost") {
			t.Errorf("%v, told %s", n, told)
		}
		for _, e := range list {
			if e["kind"] == "lost" && e["count"] != float64(lost) {
				t.Errorf("%v, want %d", e, lost)
			}
		}

		out.fail(errors.New("no space left on device"), 0)
		l.Write(Event{Kind: Stop})
		if err := l.Close(); err == nil || !strings.Contains(err.Error(), "1 events are not in it") {
			t.Errorf("%v", err)
		}
	})
}

// A device that is always full, by the system's own error.
func TestFullDevice(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full:", err)
	}
	l, told := opened(t, Options{File: "/dev/full"})
	l.Write(Event{Kind: Start})
	if err := l.Close(); err == nil || !strings.Contains(told.String(), "no space left on device") {
		t.Errorf("%v, told %s", err, told)
	}
}

// Writers and ends may come at once.
func TestConcurrency(t *testing.T) {
	var out stream
	l, _ := opened(t, Options{File: Stderr, Stderr: &out})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				l.Write(Event{Kind: Rotate, Outcome: Allow, Identity: fmt.Sprint(i)})
				l.Reopen()
				_ = l.Stats()
			}
		})
	}
	wg.Wait()
	closed(t, l)
	if got := l.Stats(); got.Written+got.Lost < 4000 || uint64(len(entries(t, out.String()))) != got.Written {
		t.Errorf("%+v", got)
	}
}

// Where no log is kept, nothing is to be asked first.
func TestNone(t *testing.T) {
	var l *Log
	l.Write(Event{Kind: Start})
	l.Reopen()
	if err := l.Close(); err != nil || l.Stats() != (Stats{}) {
		t.Error(err)
	}
}
