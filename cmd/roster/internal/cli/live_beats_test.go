package cli

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// Of ten thousand instances only those on the screen are asked for.
func TestStretches(t *testing.T) {
	var r roll
	var list []wire.Instance
	for i := range 10_000 {
		list = append(list, member("web", fmt.Sprintf("w-%05d", i), time.Hour, 0))
	}
	list = append(list, member("api", "a-1", time.Hour, 0), member("zoo", "z-1", time.Hour, 0), member("zoo", "z-2", time.Hour, 0))
	r.apply(snapshot(list...), clock())
	r.apply(removal("web", "w-00001", "expired"), clock())
	rows := r.list()
	for name, c := range map[string]struct {
		rows []*entry
		want []stretch
	}{
		"nothing":      {nil, nil},
		"the top":      {rows[:4], []stretch{{"api", "", 1}, {"web", "", 3}}}, // over the one that left
		"in between":   {rows[5000:5030], []stretch{{"web", "w-04998", 30}}},
		"the end":      {rows[10_000:], []stretch{{"web", "w-09998", 1}, {"zoo", "", 2}}},
		"one of two":   {rows[10_002:], []stretch{{"zoo", "z-1", 1}}},
		"only lost":    {rows[2:3], nil},
		"scattered":    {[]*entry{rows[10], rows[20], rows[21], rows[100]}, []stretch{{"web", "w-00008", 12}, {"web", "w-00098", 1}}},
		"of the first": {[]*entry{rows[1]}, []stretch{{"web", "", 1}}},
	} {
		if got := r.stretches(c.rows); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Where the screen shows more services than are asked in a round, each has its turn.
func TestTurns(t *testing.T) {
	list := make([]stretch, 150)
	for i := range list {
		list[i].service = fmt.Sprint(i)
	}
	seen := make(map[string]int)
	for round := range 75 {
		now := turn(list, round)
		if len(now) != maxStretches {
			t.Fatalf("%d calls", len(now))
		}
		for _, s := range now {
			seen[s.service]++
		}
	}
	for _, s := range list {
		if seen[s.service] != 75*maxStretches/150 {
			t.Errorf("%s was asked %d times", s.service, seen[s.service])
		}
	}
	if got := turn(list[:3], 7); len(got) != 3 {
		t.Errorf("%d of 3", len(got))
	}
}
