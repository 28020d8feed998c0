//go:build unix

package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/internal/tcpproxy"
)

// sharedBackend is a backend of several nodes, which can be parted from it one by one or
// lose it all at once.
type sharedBackend interface {
	backend
	cut(node int, how tcpproxy.Mode)
	heal(node int)
	stop() // the whole backend hangs
	goOn()
	down() // the whole backend is gone
	up()   // it is back with its data
	// forget loses all changes, but not their outcome: who is behind cannot catch up.
	forget()
}

// scenario is something that is broken while the load runs.
type scenario struct {
	name   string
	secure bool // over mTLS
	run    func(*stage)
}

// stage is where a scenario runs: a cluster of three nodes under load.
type stage struct {
	*load
	backend sharedBackend
}

// scenarios are those of every shared backend.
var scenarios = []scenario{
	{name: "undisturbed", run: func(s *stage) { s.run(rounds(3 * time.Second)) }},
	{name: "kill -9 of a node, mTLS", secure: true, run: func(s *stage) {
		for _, n := range some(s.cluster.nodes[1:]) {
			s.disrupt(history.Disruption{Effect: history.Down, Nodes: []int{n.index}}, n.kill, maxTTL, func() {
				n.start()
				n.ready()
			})
			s.run(2 * time.Second)
		}
	}},
	{name: "SIGSTOP of a node for two TTLs", run: func(s *stage) {
		n := s.cluster.nodes[1]
		s.disrupt(history.Disruption{Effect: history.Down, Nodes: []int{1}}, n.pause, 2*maxTTL, n.resume)
		s.run(maxTTL)
	}},
	{name: "a node cut off", run: func(s *stage) {
		for _, how := range some([]tcpproxy.Mode{tcpproxy.BlackHole, tcpproxy.Reset}) {
			s.disrupt(history.Disruption{Effect: history.Outage, Nodes: []int{2}},
				func() { s.backend.cut(2, how) }, 2*maxTTL, func() { s.backend.heal(2) })
			s.run(maxTTL)
		}
	}},
	{name: "a node cut off while the past is forgotten", run: func(s *stage) {
		before := s.metric(2, "roster_catalog_resyncs_total")
		s.disrupt(history.Disruption{Effect: history.Outage, Nodes: []int{2}}, func() { s.backend.cut(2, tcpproxy.BlackHole) },
			2500*time.Millisecond, func() { s.backend.forget(); s.backend.heal(2) })
		s.run(2 * time.Second)
		if s.metric(2, "roster_catalog_resyncs_total") == before {
			s.t.Error("the node that was behind did not have to read anew: this scenario proves nothing")
		}
	}},
	{name: "the backend stopped, shorter than the TTLs", run: func(s *stage) {
		s.disrupt(history.Disruption{Effect: history.Outage, Restarts: true}, s.backend.stop, minTTL/2, s.backend.goOn)
		s.run(maxTTL)
	}},
	{name: "the backend stopped, longer than the TTLs", run: func(s *stage) {
		s.disrupt(history.Disruption{Effect: history.Outage, Restarts: true}, s.backend.stop, rounds(2*maxTTL), s.backend.goOn)
		s.run(2 * maxTTL)
	}},
	{name: "the backend killed and restarted with its data", run: func(s *stage) {
		s.disrupt(history.Disruption{Effect: history.Outage, Restarts: true}, s.backend.down, maxTTL, s.backend.up)
		s.run(2 * maxTTL)
	}},
}

// some gives the first of several, in a long run all.
func some[T any](all []T) []T {
	if long {
		return all
	}
	return all[:1]
}

// warm is how long the load runs before something breaks.
const warm = 2500 * time.Millisecond

func play(t *testing.T, backend string, open func(testing.TB) sharedBackend, all []scenario) {
	for _, sc := range all {
		t.Run(strings.NewReplacer(" ", "_", ",", "").Replace(sc.name), func(t *testing.T) {
			t.Parallel()
			attempt(t, func(t testing.TB) {
				b := open(t)
				s := &stage{load: newCluster(t, b, 3, sc.secure).load(), backend: b}
				s.run(warm)
				sc.run(s)
				s.finish(fmt.Sprintf("%s, %s", backend, sc.name))
			})
		})
	}
}

// metric reads a number of a node.
func (l *load) metric(node int, name string) float64 {
	l.t.Helper()
	_, text := l.cluster.nodes[node].ask("/metrics")
	for line := range strings.Lines(text) {
		var value float64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				l.t.Fatalf("node %d says %q", node, line)
			}
			return value
		}
	}
	l.t.Fatalf("node %d has no metric %s: %.200s", node, name, text)
	return 0
}

// upgrade replaces the nodes, one after the other, by those of the next version, in the way
// an operator does it.
var upgrade = scenario{name: "an upgrade to the next stored format, node by node", run: func(s *stage) {
	program := must(s.t, next)
	for _, n := range s.cluster.nodes {
		s.disrupt(history.Disruption{Effect: history.Down, Nodes: []int{n.index}}, func() {
			n.process.signal(syscall.SIGTERM)
			<-n.process.ended
		}, 0, func() {
			n.program = program
			n.start()
			n.ready()
		})
		s.run(2500 * time.Millisecond)
	}
}}
