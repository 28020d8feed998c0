package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// stage is a schedule whose targets answer as the test says, in fake time.
type stage struct {
	*Schedule
	began time.Time
	ahead time.Duration // by how much the schedule's clock was moved on; its lock guards it

	mu      sync.Mutex
	answer  func(ctx context.Context, t Target) error
	looked  map[string][]time.Duration
	reports []string
	told    func(Report)
	late    time.Duration // the latest
}

var errDown = why("connection refused")

// play runs test with a schedule, and ends it.
func play(t *testing.T, options ScheduleOptions, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{looked: map[string][]time.Duration{}, began: time.Now(), answer: func(context.Context, Target) error { return nil }}
		options.Probe = func(ctx context.Context, t Target) error {
			s.mu.Lock()
			s.looked[t.Key.ID] = append(s.looked[t.Key.ID], s.since())
			answer := s.answer
			s.mu.Unlock()
			return answer(ctx, t)
		}
		options.Report = func(_ context.Context, r Report) {
			s.mu.Lock()
			text := fmt.Sprintf("%s passing=%v first=%v run=%d %s", r.Target.Key.ID, r.Passing, r.First, r.Run, r.Why)
			s.reports = append(s.reports, text)
			told := s.told
			s.mu.Unlock()
			if told != nil {
				told(r)
			}
		}
		options.Observe = func(_ Target, _ time.Time, _ error, _, late time.Duration) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.late = max(s.late, late)
		}
		s.Schedule = NewSchedule(options)
		inner := s.now
		s.now = func() time.Duration { return inner() + s.ahead }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		test(t, s)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
}

func (s *stage) since() time.Duration { return time.Since(s.began) }

// answers sets how targets answer from now on.
func (s *stage) answers(answer func(ctx context.Context, t Target) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// tells sets what is done with each report from now on.
func (s *stage) tells(told func(Report)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = told
}

// says gives an answer that never varies.
func (s *stage) says(err error) {
	s.answers(func(context.Context, Target) error { return err })
}

// expect compares the reports since it was last asked.
func (s *stage) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.reports, want) {
		t.Errorf("after %v: reports %q, want %q", s.since(), s.reports, want)
	}
	s.reports = nil
}

// looks gives when a target was looked at.
func (s *stage) looks(id string) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.looked[id])
}

// pause lets the schedule see a time in which its process did not run.
func (s *stage) pause(d time.Duration) {
	s.Schedule.mu.Lock()
	defer s.Schedule.mu.Unlock()
	s.ahead += d
}

// named is a target that passes with one check and fails with three, every 10 s.
func named(id string) Target {
	return Target{
		Key: store.InstanceKey("orders", id), Generation: 1, Address: "10.0.0.1", Port: 80,
		Check: store.Check{Type: store.CheckTCP, Interval: 10 * time.Second, Timeout: 2 * time.Second, Failures: 3, Successes: 2},
	}
}

func unseen(id string) Target {
	t := named(id)
	t.Unseen = true
	return t
}

func TestVerdicts(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		s.Set(unseen("a"))
		time.Sleep(time.Second)
		s.expect(t, "a passing=true first=true run=1 ")
		s.says(errDown)
		time.Sleep(20 * time.Second)
		s.expect(t) // two failures are none
		time.Sleep(11 * time.Second)
		s.expect(t, "a passing=false first=false run=3 connection refused")
		time.Sleep(time.Minute)
		s.expect(t)
		s.says(nil)
		time.Sleep(22 * time.Second)
		s.expect(t, "a passing=true first=false run=2 ")
	})
}

// What fails now and then in between passes never reaches its threshold.
func TestRunsAreInARow(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		n := 0
		s.answers(func(context.Context, Target) error {
			if n++; n%3 != 1 {
				return errDown
			}
			return nil
		})
		s.Set(unseen("a"))
		time.Sleep(10 * time.Minute)
		s.expect(t, "a passing=true first=true run=1 ")
		if n < 55 {
			t.Errorf("%d checks", n)
		}
	})
}

func TestFirstVerdictOfAFailingTarget(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		target := named("a")
		target.Failing = true
		s.Set(target)
		time.Sleep(21 * time.Second)
		s.expect(t, "a passing=true first=true run=2 ") // one pass does not undo what another node said

		s.Remove(target.Key)
		s.says(errDown)
		s.Set(target)
		time.Sleep(32 * time.Second)
		s.expect(t, "a passing=false first=true run=3 connection refused")
	})
}

// Somebody waits for a new instance: it is looked at often until it passes, and has its time.
func TestFirstLooks(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		s.says(errDown)
		s.Set(unseen("a"))
		time.Sleep(9 * time.Second)
		looks := s.looks("a")
		if len(looks) != 4 { // at once, then after about 1, 2 and 4 s
			t.Errorf("looked at %v", looks)
		}
		s.expect(t)
		s.says(nil)
		time.Sleep(2 * time.Second)
		s.expect(t, "a passing=true first=true run=1 ")

		s.Remove(named("a").Key)
		s.says(errDown)
		s.Set(unseen("b"))
		time.Sleep(18 * time.Second)
		s.expect(t) // as long as any other: three times its interval
		if n := len(s.looks("b")); n < 5 {
			t.Errorf("%d looks", n)
		}
		time.Sleep(5 * time.Second)
		s.expect(t, "b passing=false first=true run=3 connection refused")
	})
}

func TestSetAgain(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		target := unseen("a")
		s.Set(target)
		time.Sleep(time.Second)
		s.expect(t, "a passing=true first=true run=1 ")
		// What others wrote of it does not begin anew.
		target.Unseen, target.Failing, target.Owner = false, true, "somebody"
		s.Set(target)
		time.Sleep(time.Minute)
		s.expect(t)
		if n := len(s.looks("a")); n < 6 || n > 8 {
			t.Errorf("%d looks in 61 s", n)
		}
		for _, change := range []func(*Target){
			func(t *Target) { t.Generation++ },
			func(t *Target) { t.Address = "10.0.0.2" },
			func(t *Target) { t.Port++ },
			func(t *Target) { t.Check.Interval = 20 * time.Second },
			func(t *Target) { t.Check.Path = "/b" },
		} {
			change(&target)
			target.Unseen, target.Failing = true, false
			s.Set(target)
			time.Sleep(time.Second)
			s.expect(t, "a passing=true first=true run=1 ")
		}
		if s.Len() != 1 {
			t.Errorf("%d targets", s.Len())
		}
	})
}

// TestRegisteredAgain: one that passes and is registered again and again, faster than a verdict
// takes, fails like any other; one that fails begins anew.
func TestRegisteredAgain(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		target := named("1")
		s.Set(target)
		time.Sleep(15 * time.Second)
		s.expect(t, "1 passing=true first=true run=1 ")
		s.says(errDown)
		for range 8 {
			target.Generation++
			s.Set(target)
			time.Sleep(5 * time.Second)
		}
		s.expect(t, "1 passing=false first=false run=3 connection refused")
		target.Generation, target.Unseen = target.Generation+1, true
		s.Set(target)
		s.says(nil)
		time.Sleep(time.Second)
		s.expect(t, "1 passing=true first=true run=1 ")
	})
}

// TestRegisteredAgainMeanwhile: a check that began with an earlier registration says nothing of this.
func TestRegisteredAgainMeanwhile(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		target := named("1")
		target.Check.Failures = 1
		s.Set(target)
		time.Sleep(15 * time.Second)
		s.expect(t, "1 passing=true first=true run=1 ")
		s.answers(func(context.Context, Target) error {
			s.answers(func(context.Context, Target) error { return nil })
			target.Generation++
			s.Set(target)
			return errDown
		})
		time.Sleep(25 * time.Second)
		s.expect(t)
		if n := len(s.looks("1")); n < 3 {
			t.Errorf("looked at %d times", n)
		}
	})
}

// Nothing comes of a target that is taken out, or of a registration that was replaced.
func TestRemove(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		ended := make(chan struct{}, 2)
		s.answers(func(ctx context.Context, _ Target) error {
			<-ctx.Done()
			ended <- struct{}{}
			return nil
		})
		s.Set(unseen("a"))
		time.Sleep(time.Second)
		s.Remove(named("a").Key)
		<-ended
		s.Set(unseen("a"))
		time.Sleep(time.Second)
		replaced := unseen("a")
		replaced.Generation = 2
		s.Set(replaced)
		<-ended
		s.says(nil)
		s.Remove(named("a").Key)
		s.Remove(named("a").Key)
		time.Sleep(time.Hour)
		s.expect(t)
		if n := len(s.looks("a")); n > 3 || s.Len() != 0 {
			t.Errorf("%d looks, %d targets", n, s.Len())
		}
	})
}

func TestUndecided(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		s.Set(unseen("a"))
		time.Sleep(time.Second)
		s.expect(t, "a passing=true first=true run=1 ")
		s.says(undecided("too many open files"))
		time.Sleep(10 * time.Minute)
		s.expect(t)
		s.says(errDown)
		time.Sleep(33 * time.Second)
		s.expect(t, "a passing=false first=false run=3 connection refused")
	})
}

func TestRetell(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		key := named("a").Key
		s.Retell(key) // nobody knows it
		s.says(errDown)
		s.Set(named("a"))
		s.Retell(key) // nothing is known of it
		time.Sleep(5 * time.Second)
		s.expect(t)
		var told []time.Duration
		s.tells(func(r Report) {
			if r.Passing || !r.First || r.Run < 3 || r.Why == "" {
				t.Errorf("told %+v", r)
			}
			told = append(told, s.since())
			s.Retell(key)
		})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(told) < 10 || len(told) != len(s.reports) {
			t.Fatalf("told at %v: %q", told, s.reports)
		}
		for i, gap := range []float64{1, 2, 4, 8, 10, 10} {
			if is := (told[i+1] - told[i]).Seconds(); is < gap || is > gap+0.01 {
				t.Errorf("told at %v", told)
			}
		}
		s.tells(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		s.mu.Lock()
		s.reports = nil
		s.mu.Unlock()
		time.Sleep(time.Minute)
		s.expect(t) // it was taken
	})
}

// TestAgain: a verdict is told once more after the next check that says the same.
func TestAgain(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		s.Again(store.InstanceKey("orders", "unknown"))
		target := named("1")
		target.Failing = true
		s.says(errDown)
		s.Set(target)
		s.Again(target.Key) // without a verdict there is nothing to tell
		time.Sleep(35 * time.Second)
		s.expect(t, "1 passing=false first=true run=3 connection refused")
		s.Again(target.Key)
		s.answers(func(context.Context, Target) error {
			s.says(errDown)
			return nil // the next one passes, and does not agree
		})
		time.Sleep(45 * time.Second)
		s.expect(t, "1 passing=false first=true run=1 connection refused")
	})
}

// A verdict is not told again while the last check says otherwise.
func TestRetellWaitsForACheckThatAgrees(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		s.Set(unseen("a"))
		time.Sleep(time.Second)
		s.expect(t, "a passing=true first=true run=1 ")
		s.says(errDown)
		time.Sleep(11 * time.Second)
		s.Retell(named("a").Key)
		time.Sleep(5 * time.Second)
		s.expect(t)
		s.says(nil)
		time.Sleep(6 * time.Second)
		s.expect(t, "a passing=true first=true run=1 ")
	})
}
