package history

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		w := r.Watch("w", true, []string{"s"})
		time.Sleep(time.Second)
		w.Saw(Sighting{Type: Snapshot, View: map[string]Item{"s/a": {Weight: 1}}, Position: Revision{"e", 1}})
		w.Saw(Sighting{Type: Put, Name: "s/b", Item: Item{Weight: 2}})
		r.Add(call(Get, "s/a", 0, 0, 200))
		r.Disrupted(Disruption{Effect: Down, To: time.Second})
		cancel()
		<-done

		want := map[string]Item{"s/a": {Weight: 1}, "s/b": {Weight: 2}}
		if diff := w.Difference(want); diff != "" || len(w.Items()) != 2 {
			t.Errorf("the watcher has %v: %s", w.Items(), diff)
		}
		if diff := w.Difference(map[string]Item{"t/c": {}, "s/a": {Weight: 1}}); diff != "missing [], extra [s/b], other []" {
			t.Errorf("difference: %q", diff)
		}
		h := r.History(bounds, nil)
		if len(h.Ops) != 1 || r.Count() != 1 || len(h.Disruptions) != 1 || len(h.Watches) != 1 || len(h.Watches[0].Sightings) != 2 ||
			h.Watches[0].Sightings[0].At != time.Second || h.End != time.Second || len(h.Stalls) != 0 {
			t.Errorf("recorded %+v", h)
		}
	})
}

func TestBetween(t *testing.T) {
	h := &History{Stalls: []Span{{at(10), at(20)}, {at(50), at(60)}}}
	for _, test := range []struct{ from, to, want int }{
		{0, 100, 80}, {0, 15, 10}, {15, 55, 30}, {12, 18, 0}, {30, 40, 10}, {40, 30, 0},
	} {
		if got := h.between(at(test.from), at(test.to)); got != at(test.want) {
			t.Errorf("between %d and %d: %s, want %d ms", test.from, test.to, got, test.want)
		}
	}
}

func TestParseRevision(t *testing.T) {
	for text, want := range map[string]Revision{
		"":                 {},
		"1k9xj3f8a2c4q.41": {"1k9xj3f8a2c4q", 41},
		"abc.7~node.12":    {"abc", 7},
	} {
		if got, err := ParseRevision(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"abc", "abc.", ".7", "abc.x7"} {
		if got, err := ParseRevision(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestVerdict(t *testing.T) {
	v := Verdict{Invariant: "I0", Checked: 1000, Excused: 2, Times: []Times{{Of: "nothing"}, {Of: "late"}}}
	for i := range 1000 {
		v.Times[1].Samples = append(v.Times[1].Samples, time.Duration(1000-i)*ms)
	}
	v.broken("%s is broken", "it")
	if got, want := v.String(), "I0 1/1000 (2 excused) late p50 500ms p99 990ms max 1s of 1000"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (Times{Samples: []time.Duration{ms}}).Percentile(99); got != ms {
		t.Errorf("of one sample: %s", got)
	}
}

// TestCheck: a run in which everything is as it should be.
func TestCheck(t *testing.T) {
	const a = "s/a"
	h := &History{
		Ops:     ops(register(a, 0, 0, 1), renew(a, 0, 700, 1400), list(0, 900, "s", a)),
		Watches: []Watch{watch(1, snapshot(1, 0), put(12, a, 1, 1))},
		Final:   &Final{At: at(1500), Items: map[string]Item{a: {Revision{"e", 1}, 100, "passing"}}},
		Bounds:  bounds, End: at(1600),
	}
	for _, v := range Check(h) {
		if len(v.Broken) > 0 || v.Checked == 0 && v.Invariant != "I2" && v.Invariant != "I7" {
			t.Errorf("%s: %q", v, v.Broken)
		}
	}
}
