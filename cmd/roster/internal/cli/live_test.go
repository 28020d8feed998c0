package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// perform runs a live table beside the play, under a clock that waits for nobody. The
// result is what run returned or panicked with.
func perform(t *testing.T, play func(s *stage, cancel func())) (s *stage, result any) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s = &stage{out: make(chan news, 256), fail: make(chan error, 1), press: make(chan key)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		l := newLive(s, s, time.Now)
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() {
				if v := recover(); v != nil {
					result = v
				}
			}()
			if err := l.run(ctx); err != nil {
				result = err
			}
		}()
		play(s, cancel)
		<-done
	})
	return s, result
}

// now gives an instance that registered this moment.
func fresh(id string) wire.Instance {
	in := member("web", id, 0, 0)
	in.RegisteredAt, in.LastHeartbeat = time.Now().UnixMilli(), time.Now().UnixMilli()
	return in
}

func TestLiveTableLives(t *testing.T) {
	s, result := perform(t, func(s *stage, _ func()) {
		s.answers(func([]stretch) ([]wire.Instance, client.Freshness, error) {
			return []wire.Instance{fresh("a")}, client.Freshness{}, nil
		})
		if _, _, entered := s.counts(); entered != 0 {
			t.Error("it took the terminal before there was anything to show")
		}
		s.out <- news{event: snapshot(fresh("a"))}
		time.Sleep(time.Millisecond)
		if !strings.Contains(s.last(), "web      a         10.0.0.7:3000  up      0s       0s ago") {
			t.Errorf("at first:\n%s", s.last())
		}
		time.Sleep(7500 * time.Millisecond)
		// Heartbeats are read every two seconds, so none looks older than that and a tick.
		if !strings.Contains(s.last(), "up      7s       1s ago") && !strings.Contains(s.last(), "up      7s       0s ago") {
			t.Errorf("7.5 s later:\n%s", s.last())
		}
		s.out <- news{event: removal("web", "a", "process_exited")}
		time.Sleep(frameTime)
		if !strings.Contains(s.last(), "process exited 0s ago") {
			t.Errorf("a tenth of a second after it left:\n%s", s.last())
		}
		time.Sleep(goneTime + tickTime)
		if strings.Contains(s.last(), "process exited") || !strings.Contains(s.last(), "No instance is registered") {
			t.Errorf("in the end:\n%s", s.last())
		}
		s.press <- 'q'
	})
	if result != nil || s.entered != 1 || s.left != 1 {
		t.Errorf("%v; taken %d times, given back %d times", result, s.entered, s.left)
	}
	if n := len(s.asked); n < 3 || n > 6 {
		t.Errorf("heartbeats were asked for %d times in 8 s", n)
	}
}

// However much happens, ten pictures a second are drawn, and one where nothing does.
func TestLivePace(t *testing.T) {
	s, _ := perform(t, func(s *stage, cancel func()) {
		s.out <- news{event: snapshot()}
		for i := range 10_000 {
			s.out <- news{event: put(fresh(fmt.Sprint("w", i)))}
			time.Sleep(time.Millisecond)
		}
		n, _, _ := s.counts()
		if n < 95 || n > 102 {
			t.Errorf("%d pictures in 10 s of changes", n)
		}
		time.Sleep(tickTime)
		if !strings.Contains(s.last(), "10000 instances") {
			t.Errorf("in the end:\n%s", s.last())
		}
		n, _, _ = s.counts()
		time.Sleep(time.Minute)
		if later, _, _ := s.counts(); later-n > 61 {
			t.Errorf("%d pictures in a minute without a change", later-n)
		}
		cancel()
	})
	for _, list := range s.asked {
		rows := 0
		for _, stretch := range list {
			rows += stretch.limit
		}
		if rows > 24 {
			t.Fatalf("the heartbeats of %d instances were asked for, for a terminal of 24 lines", rows)
		}
	}
	for i := 1; i < len(s.draws); i++ {
		if d := s.draws[i].Sub(s.draws[i-1]); d < frameTime {
			t.Errorf("pictures %d and %d are %s apart", i-1, i, d)
		}
	}
}

// The terminal is given back on every way out.
func TestLiveGivesTheTerminalBack(t *testing.T) {
	for name, c := range map[string]struct {
		play func(s *stage, cancel func())
		want string // of the result
	}{
		"a key":     {func(s *stage, _ func()) { s.press <- 'q' }, "<nil>"},
		"Ctrl-C":    {func(s *stage, _ func()) { s.press <- keyLeave }, "<nil>"},
		"a signal":  {func(_ *stage, cancel func()) { cancel() }, "<nil>"},
		"a refusal": {func(s *stage, _ func()) { s.fail <- errors.New("forbidden") }, "forbidden"},
		"a panic":   {func(s *stage, _ func()) { s.panic.Store(true); s.fail <- nil }, "a mistake"},
		"a panic while it draws": {func(s *stage, _ func()) {
			s.out <- news{event: client.Event{Type: wire.WatchPut}} // without an instance
		}, "nil pointer"},
	} {
		s, result := perform(t, func(s *stage, cancel func()) {
			s.out <- news{event: snapshot(fresh("a"))}
			synctest.Wait()
			c.play(s, cancel)
		})
		if s.entered != 1 || s.left != 1 || !strings.Contains(fmt.Sprint(result), c.want) {
			t.Errorf("%s: taken %d times, given back %d times, %v", name, s.entered, s.left, result)
		}
	}
}

// What fails before there is anything to show leaves the terminal alone.
func TestLiveFailsAtFirst(t *testing.T) {
	for _, play := range []func(s *stage, cancel func()){
		func(s *stage, _ func()) { s.fail <- errors.New("refused") },
		func(s *stage, _ func()) { s.panic.Store(true); s.fail <- nil },
	} {
		if s, result := perform(t, play); result == nil || s.entered+s.left != 0 {
			t.Errorf("%v; taken %d times, given back %d times", result, s.entered, s.left)
		}
	}
	if s, result := perform(t, func(_ *stage, cancel func()) { synctest.Wait(); cancel() }); result != nil || s.entered+s.left != 0 {
		t.Errorf("%v; taken %d times, given back %d times", result, s.entered, s.left)
	}
}

// Without a connection the table says so, stands still, and looks for a local registry
// that was started again; whatever is told by the watch, or by a registry that answers
// after the next try, ends that.
func TestLiveDisconnected(t *testing.T) {
	perform(t, func(s *stage, cancel func()) {
		s.out <- news{event: snapshot(fresh("a"))}
		s.answers(func([]stretch) ([]wire.Instance, client.Freshness, error) {
			return nil, client.Freshness{}, &client.Error{Code: wire.CodeUnavailable}
		})
		time.Sleep(4500 * time.Millisecond)
		if !strings.Contains(s.last(), "has not answered for") {
			t.Errorf("a registry without an answer:\n%s", s.last())
		}
		s.out <- news{lost: errors.New("connection refused"), wait: 5 * time.Second}
		time.Sleep(2500 * time.Millisecond)
		if !strings.Contains(s.last(), "Disconnected for 2s, trying again in 3s: connection refused") || !strings.Contains(s.last(), "4s       4s ago") {
			t.Errorf("disconnected:\n%s", s.last())
		}
		if _, looks, _ := s.counts(); looks < 2 {
			t.Errorf("looked for another registry %d times", looks)
		}
		s.answers(nil)
		time.Sleep(9 * time.Second)
		if strings.Contains(s.last(), "Disconnected") {
			t.Errorf("connected again:\n%s", s.last())
		}
		s.answers(func([]stretch) ([]wire.Instance, client.Freshness, error) {
			return nil, client.Freshness{Stale: true, Age: 20 * time.Second}, nil
		})
		time.Sleep(3 * time.Second)
		if !strings.Contains(s.last(), "cannot reach its backend; this is what it saw 2") {
			t.Errorf("stale:\n%s", s.last())
		}
		s.out <- news{lost: errors.New("connection refused")}
		s.out <- news{event: put(fresh("b"))}
		time.Sleep(tickTime)
		if strings.Contains(s.last(), "Disconnected") {
			t.Errorf("connected again by an event:\n%s", s.last())
		}
		cancel()
	})
}
