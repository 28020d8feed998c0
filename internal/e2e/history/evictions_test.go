package history

import "testing"

func TestEvictions(t *testing.T) {
	const a = "s/a"
	alive := ops(register(a, 0, 0, 1), renew(a, 0, 700, 1400))
	tell(t, Evictions, []story{
		{name: "nobody leaves", checked: 3, history: History{Ops: alive, Watches: []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1))}}},
		{name: "a watcher sees it leave within its TTL", broken: "saw s/a leave (expired)",
			history: History{Ops: alive, Watches: []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1), gone(3000, a, 2))}}},
		{name: "a watcher sees it leave after its TTL",
			history: History{Ops: alive, Watches: []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1), gone(3500, a, 2))}}},
		{name: "a snapshot loses it", broken: "lost s/a in a snapshot of node 1",
			history: History{Ops: alive, Watches: []Watch{watch(1, snapshot(1, 1, a), snapshot(3000, 2))}}},
		{name: "a snapshot loses what was deregistered",
			history: History{Ops: ops(alive, call(Deregister, a, 0, 2000, 204)), Watches: []Watch{watch(1, snapshot(1, 1, a), snapshot(2100, 2))}}},
		{name: "a list loses it", broken: "the list of node 1 lost s/a",
			history: History{Ops: ops(alive, list(1, 1000, "s", a), list(1, 2000, "s"))}},
		{name: "a list loses it on a node that never had it",
			history: History{Ops: ops(alive, list(0, 1000, "s", a), list(1, 2000, "s"))}},
		{name: "a list of another service",
			history: History{Ops: ops(alive, list(1, 1000, "s", a), list(1, 2000, "t"))}},
		{name: "a list loses it after its TTL",
			history: History{Ops: ops(alive, list(1, 1000, "s", a), list(1, 3400, "s"))}},
		{name: "a list loses it while it is deregistered",
			history: History{Ops: ops(alive, list(1, 1000, "s", a), call(Deregister, a, 0, 2005, 503), list(1, 2000, "s"))}},
		{name: "a resolve finds nobody", broken: "node 1 resolved nobody of s",
			history: History{Ops: ops(alive, list(1, 1000, "s", a), Op{Kind: Resolve, Service: "s", Node: 1, Start: at(2000), End: at(2010), Status: 404})}},

		{name: "a renewal is answered that it is gone", broken: "renew of s/a on node 1 at 2.1s: status 410",
			history: History{Ops: ops(alive, call(Renew, a, 1, 2100, 410))}},
		{name: "a renewal that comes late is answered that it is gone",
			history: History{Ops: ops(alive, call(Renew, a, 1, 3395, 410))}},
		{name: "a wrong 401", broken: "status 401",
			history: History{Ops: ops(alive, call(Rotate, a, 1, 2100, 401))}},
		{name: "a wrong 404 to a deregistration", broken: "deregister of s/a on node 1 at 2.1s: status 404",
			history: History{Ops: ops(alive, call(Deregister, a, 1, 2100, 404))}},
		{name: "a deregistration that is tried again",
			history: History{Ops: ops(alive, call(Deregister, a, 0, 2000, 0), call(Deregister, a, 1, 2100, 404))}},
		{name: "a new name is taken", broken: "status 409",
			history: History{Ops: ops(call(Register, "s/b", 0, 0, 409))}},
		{name: "a status that nobody deserves", broken: "status 500",
			history: History{Ops: ops(alive, call(Renew, a, 1, 9000, 500))}},
		{name: "after a registration with a lost answer the token is unknown",
			history: History{Ops: ops(alive, call(Register, a, 0, 2000, 0), call(Renew, a, 1, 2100, 410))}},
		{name: "a change meets a backend without its last writes", excused: 1,
			history: History{Ops: ops(alive, call(Patch, a, 0, 2100, 404)),
				Disruptions: []Disruption{{From: at(2000), To: at(2000), Loses: true}}}},
		{name: "a renewal meets a backend without its last writes", broken: "status 404",
			history: History{Ops: ops(alive, call(Renew, a, 0, 2100, 404)),
				Disruptions: []Disruption{{From: at(2000), To: at(2000), Loses: true}}}},
		{name: "a registration under way when the backend lost its past", history: History{
			Ops: ops(register(a, 0, 0, 1), call(Renew, a, 0, 700, 404)), Disruptions: []Disruption{{From: at(5), To: at(5), Loses: true}}}},
		{name: "a registration before the backend lost its past", broken: "status 404", history: History{
			Ops: ops(register(a, 0, 0, 1), call(Renew, a, 0, 700, 404)), Disruptions: []Disruption{{From: at(20), To: at(20), Loses: true}}}},
		{name: "a registration while the backend loses what it gets", broken: "status 404", history: History{
			Ops: ops(register(a, 0, 100, 1), call(Renew, a, 0, 700, 404)), Disruptions: []Disruption{{From: at(20), To: at(500), Loses: true}}}},
		{name: "everything was forgotten",
			history: History{Ops: ops(alive, call(Renew, a, 0, 2100, 404)),
				Disruptions: []Disruption{{Effect: Forgotten, From: at(2000), To: at(2050)}}}},

		{name: "an owner was late once", excused: 1, history: History{
			Ops:     ops(register(a, 0, 0, 1), renew(a, 0, 2500, 3000)),
			Watches: []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1), gone(3100, a, 2))}}},
	})
}

func TestEvictionsInOutages(t *testing.T) {
	const a = "s/a"
	alive := ops(register(a, 0, 0, 1), renew(a, 0, 700, 1400))
	seen := func(leaves int) []Watch {
		return []Watch{watch(0, snapshot(1, 0), put(20, a, 1, 1), gone(leaves, a, 2))}
	}
	tell(t, Evictions, []story{
		{name: "it leaves while its owner goes on trying", broken: "saw s/a leave", history: History{
			Ops: ops(alive, tried(a, 0, 2100, 3900, 5800)), Disruptions: outageOf(2000, 7000), Watches: seen(7200)}},
		{name: "it leaves within a TTL of the recovery", broken: "saw s/a leave", history: History{
			Ops: ops(alive, tried(a, 0, 2100, 3900, 5800, 7500)), Disruptions: outageOf(2000, 7000), Watches: seen(8900)}},
		{name: "it leaves later than that", history: History{
			Ops: ops(alive, tried(a, 0, 2100, 3900, 5800, 7500)), Disruptions: outageOf(2000, 7000), Watches: seen(9100)}},
		{name: "its owner gave up", history: History{
			Ops: ops(alive, tried(a, 0, 2100)), Disruptions: outageOf(2000, 7000), Watches: seen(7200)}},
		{name: "its owner was dead before", history: History{
			Ops: ops(alive, tried(a, 0, 3500, 4500, 5800)), Disruptions: outageOf(3450, 7000), Watches: seen(7200)}},
		{name: "another node could have been asked", history: History{
			Ops: ops(alive, tried(a, 0, 2100, 3900, 5800)), Disruptions: outageOf(2000, 7000, 0), Watches: seen(7200)}},
		{name: "it renews after the outage, and leaves then", broken: "saw s/a leave", history: History{
			Ops: ops(alive, tried(a, 0, 2100, 3900, 5800), renew(a, 0, 7100, 7800)), Disruptions: outageOf(2000, 7000), Watches: seen(9200)}},
		{name: "it is answered 410 after the outage", broken: "status 410", history: History{
			Ops: ops(alive, tried(a, 0, 2100, 3900, 5800), call(Renew, a, 0, 7100, 410)), Disruptions: outageOf(2000, 7000)}},
	})
}
