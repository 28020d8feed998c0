package bench

import (
	"math"
	"os"
	"testing"
	"time"
)

func TestUsageSince(t *testing.T) {
	begun := time.Now()
	before := usage{at: begun, machine: cpuTimes{total: 100 * time.Second, user: 50 * time.Second, steal: time.Second}, server: 10 * time.Second, load: 5 * time.Second, behind: 7 * time.Second, strangers: 30 * time.Second}
	for name, tc := range map[string]struct {
		user, strangers time.Duration
		others          float64
	}{
		"none":                         {user: 3 * time.Second, others: 0},
		"seen among the processes":     {user: 3 * time.Second, strangers: 400 * time.Millisecond, others: 0.1},
		"seen in the machine's sum":    {user: 3*time.Second + 600*time.Millisecond, strangers: 400 * time.Millisecond, others: 0.15},
		"sampled lower than it was":    {user: 2 * time.Second, others: 0},
		"a process nobody waited for":  {user: 3 * time.Second, strangers: -time.Second, others: 0},
		"sampled low, but seen anyway": {user: 2 * time.Second, strangers: 800 * time.Millisecond, others: 0.2},
	} {
		after := usage{
			at:        begun.Add(2 * time.Second),
			machine:   cpuTimes{total: 104 * time.Second, user: 50*time.Second + tc.user, steal: time.Second + 200*time.Millisecond},
			server:    12 * time.Second,
			load:      5500 * time.Millisecond,
			behind:    7500 * time.Millisecond,
			strangers: 30*time.Second + tc.strangers,
		}
		got := after.since(before)
		if got.wall != 2*time.Second || got.server != 2*time.Second || got.load != time.Second/2 || got.behind != time.Second/2 {
			t.Errorf("%s: %+v", name, got)
		}
		if math.Abs(got.others-tc.others) > 1e-9 || math.Abs(got.steal-0.05) > 1e-9 {
			t.Errorf("%s: others %v, want %v; steal %v, want 0.05", name, got.others, tc.others, got.steal)
		}
	}
	if got := before.since(before); got.others != 0 || got.steal != 0 {
		t.Errorf("no time: %+v", got)
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	var u usage
	if err := u.read(os.Getpid(), nil); err != nil {
		t.Fatal(err)
	}
	if u.machine.total <= 0 || u.at.IsZero() || u.server != u.load {
		t.Errorf("%+v", u)
	}
	if err := u.read(os.Getpid(), []int{os.Getpid(), os.Getpid()}); err != nil || u.behind < 2*u.load {
		t.Errorf("twice this process behind itself: %v, %+v", err, u)
	}
	if err := u.read(os.Getpid(), []int{1 << 30}); err == nil {
		t.Error("a backend that is not there gave no error")
	}
	if err := u.read(1<<30, nil); err == nil {
		t.Error("a process that is not there gave no error")
	}
}
