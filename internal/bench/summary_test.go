package bench

import (
	"math"
	"testing"
)

// pair is a round: bare Gin with 100 requests/s and 10 µs, Roster as given.
func pair(name, protocol string, round int, perSecond, cpu float64, discarded bool) []Slice {
	return []Slice{
		{Case: name, Backend: BackendMemory, Protocol: protocol, Against: ServerBare, Server: ServerBare, Round: round, Requests: 1, BodyBytes: 417, RequestsPerSecond: 100, CPUMicros: 10, LoadCPUMicros: 4, P50Micros: 1, P99Micros: 2, Discarded: discarded},
		{Case: name, Backend: BackendMemory, Protocol: protocol, Against: ServerBare, Server: ServerRoster, Round: round, Requests: 1, BodyBytes: 417, RequestsPerSecond: perSecond, CPUMicros: cpu, LoadCPUMicros: 6, P50Micros: 3, P99Micros: 4, Discarded: discarded},
	}
}

func join(lists ...[]Slice) (all []Slice) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestSummaryTakesMediansWithinRounds(t *testing.T) {
	rows := summarise(join(
		pair("resolve-1", "http", 1, 80, 12, false),
		pair("resolve-1", "http", 2, 95, 11, false),
		pair("resolve-1", "http", 3, 5, 90, true),
		pair("resolve-1", "http", 4, 91, 13, false),
		pair("list-10", "mtls", 1, 99, 10, false),
	))
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2", len(rows))
	}
	r := rows[0]
	if r.Case != "resolve-1" || r.Protocol != "http" || r.Rounds != 3 || r.Discarded != 1 || r.Disturbed || r.BodyBytes != 417 {
		t.Errorf("row %+v", r)
	}
	if !near(r.RatioRequests, 0.91) || !near(r.RatioCPU, 1.2) || r.Roster.RequestsPerSecond != 91 || r.Other.CPUMicros != 10 {
		t.Errorf("figures %+v", r)
	}
	if r.Goal != 0.90 || !r.Met {
		t.Errorf("goal %v, met %v", r.Goal, r.Met)
	}
	if l := rows[1]; l.Case != "list-10" || l.Protocol != "mtls" || l.Goal != 0 || l.Met {
		t.Errorf("a case without goal: %+v", l)
	}
}

func TestSummaryOfDisturbedRoundsOnly(t *testing.T) {
	rows := summarise(join(pair("heartbeat", "http", 1, 70, 12, true), pair("heartbeat", "http", 2, 80, 12, true)))
	if len(rows) != 1 || !rows[0].Disturbed || rows[0].Rounds != 2 || rows[0].Discarded != 0 {
		t.Fatalf("rows %+v", rows)
	}
	if !near(rows[0].RatioRequests, 0.75) || rows[0].Met {
		t.Errorf("ratio %v, met %v, want 0.75 and missed", rows[0].RatioRequests, rows[0].Met)
	}
}

func TestSummaryLeavesOutHalfRounds(t *testing.T) {
	half := pair("list-10", "http", 2, 1, 1, false)[:1]
	empty := pair("list-10", "http", 3, 0, 0, false)
	empty[1].Requests = 0
	rows := summarise(join(pair("list-10", "http", 1, 90, 10, false), half, empty))
	if len(rows) != 1 || rows[0].Rounds != 1 || !near(rows[0].RatioRequests, 0.9) {
		t.Errorf("rows %+v", rows)
	}
	if rows := summarise(half); len(rows) != 0 {
		t.Errorf("half a round alone: %+v", rows)
	}
}

func TestSummaryTellsBackendsApart(t *testing.T) {
	redis := pair("resolve-10", "http", 1, 96, 10, false)
	for i := range redis {
		redis[i].Backend, redis[i].Against = BackendRedis, ServerMemory
	}
	redis[0].Server, redis[1].BackendCPUMicros = ServerMemory, 2.5
	alone := pair("register", "http", 1, 20, 40, false)
	for i := range alone {
		alone[i].Backend, alone[i].Against = BackendRedis, "redis alone"
	}
	alone[0].Server = "redis alone"
	batch := pair(caseBatch, "http", 1, 60, 900, false)[1:]
	batch[0].Against, batch[0].Items = "", 10_000

	rows := summarise(join(pair("resolve-10", "http", 1, 80, 12, false), redis, alone, batch))
	if len(rows) != 4 {
		t.Fatalf("%d rows, want 4: %+v", len(rows), rows)
	}
	if r := rows[0]; r.Backend != BackendMemory || r.Goal != 0.90 || r.Met {
		t.Errorf("memory: %+v", r)
	}
	if r := rows[1]; r.Backend != BackendRedis || r.Against != ServerMemory || r.Goal != 0.95 || !r.Met || r.Roster.BackendCPUMicros != 2.5 {
		t.Errorf("redis: %+v", r)
	}
	if r := rows[2]; r.Against != "redis alone" || !near(r.RatioRequests, 0.2) || r.RatioCPU != 0 || r.Goal != 0 {
		t.Errorf("redis alone: %+v", r)
	}
	if r := rows[3]; r.Against != "" || r.Items != 10_000 || r.Rounds != 1 || r.Roster.RequestsPerSecond != 60 || r.RatioRequests != 0 || r.Other != (Figures{}) {
		t.Errorf("a batch: %+v", r)
	}
}

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(tc.values); got != tc.want {
			t.Errorf("median(%v) = %v, want %v", tc.values, got, tc.want)
		}
	}
}

func TestSettleDiscardsBothSlices(t *testing.T) {
	round := []Slice{{}, {Disturbed: true}}
	if !settle(round) || !round[0].Discarded || !round[1].Discarded || round[0].Disturbed {
		t.Errorf("%+v", round)
	}
	if round := []Slice{{Disturbed: true}}; !settle(round) || !round[0].Discarded {
		t.Errorf("a slice alone: %+v", round)
	}
	if round = []Slice{{}, {}}; settle(round) || round[0].Discarded {
		t.Errorf("%+v", round)
	}
}
