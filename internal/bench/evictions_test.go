package bench

import "testing"

func TestSummariseWaves(t *testing.T) {
	wave := func(backend string, p99 float64, disturbed bool) Wave {
		return Wave{Backend: backend, Protocol: "http", Instances: 100_000, Dying: 1000, WindowMillis: 2, P50Millis: p99 / 2, P99Millis: p99, MaxMillis: p99 + 1, Disturbed: disturbed}
	}
	got := summariseWaves([]Wave{
		wave(BackendMemory, 40, false), wave(BackendMemory, 900, true), wave(BackendMemory, 50, false), wave(BackendMemory, 44, false),
		wave(BackendRedis, 251, true),
		wave(BackendEtcd, 10, false),
	})
	want := []Eviction{
		{Backend: BackendMemory, Protocol: "http", Instances: 100_000, Dying: 1000, WindowMillis: 2, P50Millis: 22, P99Millis: 44, MaxMillis: 51, GoalMillis: 50, Met: true, Waves: 3, Discarded: 1},
		{Backend: BackendRedis, Protocol: "http", Instances: 100_000, Dying: 1000, WindowMillis: 2, P50Millis: 125.5, P99Millis: 251, MaxMillis: 252, GoalMillis: 250, Waves: 1, Disturbed: true},
		{Backend: BackendEtcd, Protocol: "http", Instances: 100_000, Dying: 1000, WindowMillis: 2, P50Millis: 5, P99Millis: 10, MaxMillis: 11, Waves: 1},
	}
	if len(got) != len(want) {
		t.Fatalf("%d, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	early := wave(BackendMemory, 1, false)
	early.Early = 2
	if e := summariseWaves([]Wave{early})[0]; e.Early != 2 || e.Met {
		t.Errorf("two that left early: %+v", e)
	}
	if got := summariseWaves(nil); got != nil {
		t.Errorf("of none: %+v", got)
	}
}
