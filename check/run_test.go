package check

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Checks come in their time, each target's at times of its own.
func TestIntervals(t *testing.T) {
	play(t, ScheduleOptions{PerAddress: -1}, func(t *testing.T, s *stage) {
		const many = 500
		for i := range many {
			s.Set(named(fmt.Sprint(i)))
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		steps := map[time.Duration]int{}
		for i := range many {
			looks := s.looks(fmt.Sprint(i))
			if n := len(looks); n < 58 || n > 62 {
				t.Errorf("%d looks in 60 intervals", n)
			}
			for j := 1; j < len(looks); j++ {
				step := looks[j] - looks[j-1]
				if step < 9*time.Second || step > 11*time.Second {
					t.Errorf("target %d was looked at after %v", i, step)
				}
				steps[step.Round(100*time.Millisecond)]++
			}
		}
		if len(steps) < 5 {
			t.Errorf("no jitter: %v", steps)
		}
		perSecond(t, s, 0, 10*time.Minute, 2*many/10)
	})
}

// perSecond wants no second from one time to another with more checks than most.
func perSecond(t *testing.T, s *stage, from, to time.Duration, most int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[time.Duration]int{}
	for _, looks := range s.looked {
		for _, at := range looks {
			if at >= from && at <= to {
				counts[at.Truncate(time.Second)]++
			}
		}
	}
	for second, n := range counts {
		if n > most {
			t.Errorf("%d checks in the second after %v, %d are too many", n, second, most)
		}
	}
}

// Many new instances at once are looked at soon, but not all in the same moment.
func TestManyNewTargets(t *testing.T) {
	play(t, ScheduleOptions{PerAddress: -1}, func(t *testing.T, s *stage) {
		for i := range 20000 {
			s.Set(unseen(fmt.Sprint(i)))
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if len(s.looked) != 20000 {
			t.Errorf("%d were looked at", len(s.looked))
		}
		perSecond(t, s, 0, 11*time.Second, 2600) // 500 in their turn, 1,500 by chance
		s.Set(unseen("late"))
		time.Sleep(11 * time.Second)
		if len(s.looks("late")) == 0 {
			t.Error("one that came later was not looked at")
		}
	})
}

func TestNoStormAfterAPause(t *testing.T) {
	for _, long := range []time.Duration{3 * time.Second, time.Minute, time.Hour} {
		play(t, ScheduleOptions{PerAddress: -1}, func(t *testing.T, s *stage) {
			const many = 2000
			for i := range many {
				s.Set(named(fmt.Sprint(i)))
			}
			time.Sleep(time.Minute)
			s.pause(long)
			from := s.since()
			time.Sleep(time.Minute)
			synctest.Wait()
			perSecond(t, s, from, from+time.Minute, 2*many/10)
			for id, looks := range s.looked {
				after := 0
				for _, at := range looks {
					if at > from {
						after++
					}
				}
				if after < 5 || after > 8 {
					t.Fatalf("%s was looked at %d times in the minute after a pause of %v", id, after, long)
				}
			}
		})
	}
}

// What fails while this process was stopped may have failed for that.
func TestFailureOverAPause(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		target := unseen("a")
		target.Check.Failures = 1
		s.Set(target)
		time.Sleep(time.Second)
		s.expect(t, "a passing=true first=true run=1 ")
		for range 5 {
			hang := make(chan struct{})
			s.answers(func(context.Context, Target) error {
				<-hang
				return errDown
			})
			before := len(s.looks("a"))
			for len(s.looks("a")) == before {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
			}
			s.says(nil)
			s.pause(5 * time.Second)
			close(hang)
			time.Sleep(11 * time.Second)
			s.expect(t)
		}
		s.says(errDown)
		time.Sleep(11 * time.Second)
		s.expect(t, "a passing=false first=false run=1 connection refused")
	})
}

// A time without targets is no pause.
func TestIdle(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		for i := range 3 {
			time.Sleep(time.Hour)
			id := fmt.Sprint(i)
			s.Set(unseen(id))
			time.Sleep(time.Second)
			if len(s.looks(id)) != 1 {
				t.Errorf("looked at %v", s.looks(id))
			}
			s.Remove(named(id).Key)
		}
		synctest.Wait()
		s.Schedule.mu.Lock()
		defer s.Schedule.mu.Unlock()
		if s.pauses != 0 {
			t.Errorf("%d pauses", s.pauses)
		}
	})
}

func TestPacePerAddress(t *testing.T) {
	play(t, ScheduleOptions{PerAddress: 5}, func(t *testing.T, s *stage) {
		for i := range 200 { // they ask for 20 a second
			target := unseen(fmt.Sprint(i))
			if i%2 == 0 {
				target.Address = "::ffff:10.0.0.1" // the same address
			}
			s.Set(target)
		}
		other := unseen("other")
		other.Address = "10.0.0.2"
		s.Set(other)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := len(s.looks("other")); n < 12 || n > 14 {
			t.Errorf("the other address was looked at %d times", n)
		}
		delete(s.looked, "other")
		perSecond(t, s, 0, 2*time.Minute, 6)
		for id, looks := range s.looked {
			if len(looks) < 2 || len(looks) > 4 {
				t.Errorf("%s was looked at %d times", id, len(looks))
			}
		}
		if len(s.looked) != 200 {
			t.Errorf("%d were looked at", len(s.looked))
		}
	})
}

// Names are paced by the addresses that they lead to, whatever they are called.
func TestPaceOfNames(t *testing.T) {
	play(t, ScheduleOptions{PerAddress: 5}, func(t *testing.T, s *stage) {
		went := map[string]int{}
		seconds := map[time.Duration]int{}
		s.answers(func(ctx context.Context, t Target) error {
			if err := turnOf(ctx, prefixes("10.0.0.1/32")[0].Addr()); err != nil {
				return err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			went[t.Key.ID]++
			seconds[s.since().Truncate(time.Second)]++
			return nil
		})
		for i := range 100 {
			target := unseen(fmt.Sprint(i))
			target.Address = fmt.Sprintf("a%d.example.org", i)
			s.Set(target)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		for second, n := range seconds {
			if n > 6 {
				t.Errorf("%d checks in the second after %v", n, second)
			}
		}
		if len(went) != 100 {
			t.Errorf("%d were looked at", len(went))
		}
		for id, n := range went {
			if n < 4 || n > 8 {
				t.Errorf("%s was looked at %d times", id, n)
			}
		}
	})
}

// Targets that hang do not make the others late.
func TestHangingTargets(t *testing.T) {
	play(t, ScheduleOptions{Workers: 20, PerAddress: -1}, func(t *testing.T, s *stage) {
		s.answers(func(ctx context.Context, t Target) error {
			if t.Generation == 2 {
				time.Sleep(t.Check.Timeout)
				return timedOut(t.Check.Timeout)
			}
			return nil
		})
		for i := range 100 { // they would want 20 workers
			target := named(fmt.Sprint("hangs", i))
			target.Generation = 2
			s.Set(target)
			s.Set(named(fmt.Sprint("passes", i)))
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for i := range 100 {
			if n := len(s.looks(fmt.Sprint("passes", i))); n < 28 || n > 32 {
				t.Errorf("passes%d was looked at %d times in 30 intervals", i, n)
			}
			if n := len(s.looks(fmt.Sprint("hangs", i))); n < 12 {
				t.Errorf("hangs%d was looked at %d times in 30 intervals", i, n)
			}
		}
	})
}

func TestFewWorkers(t *testing.T) {
	for workers := 1; workers < 4; workers++ {
		play(t, ScheduleOptions{Workers: workers, PerAddress: -1}, func(t *testing.T, s *stage) {
			now, most := 0, 0
			s.answers(func(context.Context, Target) error {
				s.mu.Lock()
				now++
				most = max(most, now)
				s.mu.Unlock()
				time.Sleep(600 * time.Millisecond)
				s.mu.Lock()
				now--
				s.mu.Unlock()
				return nil
			})
			for i := range 30 {
				s.Set(unseen(fmt.Sprint(i)))
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if most != workers || len(s.looked) != 30 {
				t.Errorf("%d workers: %d at once, %d looked at", workers, most, len(s.looked))
			}
			for id := range s.looked {
				if len(s.looks(id)) < 2 {
					t.Errorf("%d workers: %s was looked at %d times", workers, id, len(s.looks(id)))
				}
			}
		})
	}
}

// A worker that is told a verdict for long does not lead to two at once for a key.
func TestReportsOfOneKey(t *testing.T) {
	play(t, ScheduleOptions{}, func(t *testing.T, s *stage) {
		now := 0
		s.tells(func(r Report) {
			if now++; now != 1 {
				t.Error("two reports at once")
			}
			s.Retell(r.Target.Key)
			time.Sleep(30 * time.Second)
			now--
		})
		s.Set(unseen("a"))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(s.reports); n < 10 {
			t.Errorf("%d reports", n)
		}
	})
}
