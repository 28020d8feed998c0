package history

import "testing"

func TestOutages(t *testing.T) {
	read := func(t, status int, stale bool) Op {
		o := list(0, t, "s")
		o.Status, o.Stale = status, stale
		return o
	}
	write := func(t, took, status int) Op {
		o := call(Patch, "s/p", 0, t, status)
		o.End, o.Patient = at(t+took), true
		return o
	}
	// The outage is from 1000 to 6000.
	good := ops(read(900, 200, false), read(1900, 200, false), read(2100, 200, true), read(5900, 200, true),
		read(7800, 200, true), read(8100, 200, false), write(500, 10, 200), write(1500, 1900, 503), write(7000, 900, 200))
	with := func(name, broken string, more ...any) story {
		return story{name: name, broken: broken, checked: 6, history: History{Ops: ops(append([]any{good}, more...)...), Disruptions: outageOf(1000, 6000)}}
	}
	tell(t, Outages, append([]story{
		with("as it should be", ""),
		with("no answer to a read", "answered no list", read(3000, 503, false)),
		with("no word of an old view", "went on without saying that its view is old for 2.1s", read(3100, 200, false)),
		with("an old view for too long", "still said that its view is old", read(8200, 200, true)),
		with("a write acknowledged", "acknowledged a patch at 3s without a backend", write(3000, 10, 200)),
		with("a write acknowledged that was under way", "", write(1010, 10, 200)),
		with("a write that was stopped on its way", "", write(990, 5500, 200)),
		with("a write refused late", "took for a patch without a backend 2.1s", write(3000, 2100, 503)),
		with("a write not answered", "gave no answer to a patch", write(3000, 1500, 0)),
		with("a renewal not answered in time for its owner", "", tried("s/a", 0, 3000)),
		with("a renewal acknowledged", "acknowledged a renew", renew("s/a", 0, 3000)),
		with("another node", "", Op{Kind: List, Node: 1, Start: at(3000), End: at(3010), Status: 200, Stale: true},
			Op{Kind: List, Node: 1, Start: at(6000), End: at(6010), Status: 200}),
	}, []story{
		{name: "one node of two", history: History{Ops: ops(good, Op{Kind: List, Node: 1, Start: at(3000), End: at(3010), Status: 200}),
			Disruptions: outageOf(1000, 6000, 0)}},
		{name: "it takes a while to end", history: History{Ops: ops(good, write(5400, 10, 200), read(5450, 200, false)),
			Disruptions: []Disruption{{Effect: Outage, From: at(1000), Ending: at(5300), To: at(6000)}}}},
		{name: "an eviction announced", broken: "node 0 announced the eviction of s/a", history: History{Ops: good, Disruptions: outageOf(1000, 6000),
			Watches: []Watch{watch(0, snapshot(1, 1, "s/a"), gone(2500, "s/a", 2))}}},
		{name: "an eviction announced by another node", history: History{Ops: good, Disruptions: outageOf(1000, 6000, 0),
			Watches: []Watch{watch(1, snapshot(1, 1, "s/a"), gone(2500, "s/a", 2))}}},
		{name: "an eviction announced before and after", history: History{Ops: good, Disruptions: outageOf(1000, 6000),
			Watches: []Watch{watch(0, snapshot(1, 1, "s/a", "s/b"), gone(1900, "s/a", 2), gone(6100, "s/b", 3))}}},
		{name: "writes are late", broken: "took no write, after its backend was back, for 2.9s", history: History{
			Ops: ops(good[:8], write(8000, 900, 200)), Disruptions: outageOf(1000, 6000)}},
		{name: "writes never come back", broken: "took no write after its backend was back", history: History{
			Ops: ops(good[:8], write(7000, 900, 503)), Disruptions: outageOf(1000, 6000)}},
		{name: "a second outage comes before the node is back", history: History{Ops: good[:4],
			Disruptions: append(outageOf(1000, 6000), Disruption{Effect: Down, From: at(6500), To: at(9000)})}},
	}...))
}
