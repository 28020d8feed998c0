package bench

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"
)

func TestShareSince(t *testing.T) {
	before := cpuTimes{total: 100 * time.Second, user: 10 * time.Second, steal: time.Second}
	after := cpuTimes{total: 104 * time.Second, user: 11 * time.Second, steal: 2 * time.Second}
	if got := after.shareSince(before); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("got %v, want 0.5", got)
	}
	if got := before.shareSince(before); got != 0 {
		t.Errorf("no time: %v", got)
	}
}

func TestAwaitCalm(t *testing.T) {
	// No machine is ten times as busy as all of its CPUs.
	if calm, err := awaitCalm(t.Context(), 0, 1000); err != nil || !calm {
		t.Errorf("calm %v, %v", calm, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := awaitCalm(ctx, time.Minute, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNoiseFloor(t *testing.T) {
	if long, short := noiseFloor(10*time.Second), noiseFloor(100*time.Millisecond); long >= short || long <= 0 {
		t.Errorf("floor of a long slice %v, of a short one %v", long, short)
	}
	o := Options{Disturbance: 5}
	for _, tc := range []struct {
		seconds, others, steal float64
		want                   bool
	}{{10, 4, 0, false}, {10, 6, 0, true}, {10, 0, 6, true}, {10, 3, 3, true}, {0.001, 50, 0, false}} {
		if got := o.disturbed(tc.seconds, tc.others+tc.steal); got != tc.want {
			t.Errorf("%+v: disturbed %v", tc, got)
		}
	}
}
