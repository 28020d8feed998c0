//go:build unix

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/e2e/history"
)

// rest is how long a load is calm before the end, so that who fell silent last has left.
const rest = maxTTL + 2*time.Second

// convergeWithin is how long after that watchers may take to know what the store holds.
const convergeWithin = 10 * time.Second

// maxBroken is how many broken facts of one invariant are told.
const maxBroken = 12

// finish brings the load to rest, compares what everybody knows with the store, and checks
// the history. It prints the scenario's line.
func (l *load) finish(name string) {
	l.t.Helper()
	l.calm.Store(true)
	l.run(rest)
	final := l.final()
	l.stop()
	h := l.rec.History(l.cluster.bounds(), final)
	var line strings.Builder
	renewed := 0
	for i := range h.Ops {
		if h.Ops[i].Kind == history.Renew && h.Ops[i].Acknowledged() {
			renewed++
		}
	}
	events := 0
	for i := range h.Watches {
		events += len(h.Watches[i].Sightings)
	}
	fmt.Fprintf(&line, "%s: %d operations, %d lease periods, %d events", name, len(h.Ops), renewed, events)
	for _, v := range history.Check(h) {
		fmt.Fprintf(&line, "; %s", v)
		for i, broken := range v.Broken {
			if i == maxBroken {
				l.t.Errorf("%s: and %d more", v.Invariant, len(v.Broken)-i)
				break
			}
			l.t.Errorf("%s: %s", v.Invariant, broken)
		}
		if (v.Invariant == "I1" || v.Invariant == "I4" || v.Invariant == "I9") && v.Checked == 0 {
			l.t.Errorf("%s: nothing was checked", v.Invariant)
		}
		if v.Excused > 10+v.Checked/5 {
			l.t.Errorf("%s: %d facts were excused, of %d that count: the machine is too busy to tell", v.Invariant, v.Excused, v.Checked)
		}
	}
	var still time.Duration
	for _, s := range h.Stalls {
		still = max(still, s.To-s.From)
	}
	if still > 0 {
		fmt.Fprintf(&line, "; the test stood still %d times, at most %s", len(h.Stalls), still.Round(time.Millisecond))
	}
	l.t.Log(line.String())
	if dir := os.Getenv("ROSTER_E2E_LOGS"); dir != "" && l.t.Failed() {
		l.keep(h, filepath.Join(dir, fileName(l.t)+".history"))
	}
}

// keep writes a history into a file, for people.
func (l *load) keep(h *history.History, file string) {
	type line struct {
		at   history.Moment
		text string
	}
	var lines []line
	for i := range h.Ops {
		o := &h.Ops[i]
		lines = append(lines, line{o.Start, fmt.Sprintf("- %s %s %s%s node %d: %d %s ttl %s stale %v %s %v", o.End, o.Kind, o.Service, o.Name, o.Node,
			o.Status, o.Reason, o.TTL, o.Stale, o.Revision, o.Names)})
	}
	for i := range h.Watches {
		for j := range h.Watches[i].Sightings {
			s := &h.Watches[i].Sightings[j]
			lines = append(lines, line{s.At, fmt.Sprintf("%s of node %d: %s %s %v %s, position %s, %v", h.Watches[i].Name, s.Node, s.Type, s.Name, s.Item,
				s.Reason, s.Position, slices.Sorted(maps.Keys(s.View)))})
		}
	}
	for _, d := range h.Disruptions {
		lines = append(lines, line{d.From, fmt.Sprintf("DISRUPTION %+v", d)})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	var text strings.Builder
	fmt.Fprintf(&text, "begun %s\n", time.Now().Add(-l.rec.Now()).UTC().Format(time.RFC3339Nano))
	for _, one := range lines {
		fmt.Fprintf(&text, "%s %s\n", one.at, one.text)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		l.t.Error(err)
	}
}

// final waits until every watcher knows what the store holds, and gives that. When they
// never do, the history says so.
func (l *load) final() *history.Final {
	l.t.Helper()
	deadline := l.rec.Now() + convergeWithin
	for {
		final, err := l.ask()
		if err == nil && l.converged(final) {
			return final
		}
		if l.rec.Now() > deadline {
			if err != nil {
				l.t.Errorf("what the store holds: %v", err)
			}
			return final
		}
		l.sleep(50 * time.Millisecond)
	}
}

func (l *load) converged(final *history.Final) bool {
	for _, w := range l.rec.Watches() {
		if w.Difference(final.Items) != "" {
			return false
		}
	}
	return true
}

// ask reads everything from the store, through the first node that can.
func (l *load) ask() (*history.Final, error) {
	var last error
	for node := range l.clients {
		final, err := l.holdings(node)
		if err == nil {
			return final, nil
		}
		last = err
	}
	return nil, last
}

func (l *load) holdings(node int) (*history.Final, error) {
	ctx, cancel := context.WithTimeout(l.ctx, 3*time.Second)
	defer cancel()
	c := l.clients[node].reader
	final := &history.Final{At: l.rec.Now(), Items: map[string]history.Item{}}
	names := []string{"probe"}
	for i := range services {
		names = append(names, fmt.Sprintf("svc-%d", i))
	}
	for _, service := range names {
		got, err := c.Service(ctx, service, client.ServiceOptions{ReadOptions: client.ReadOptions{Consistent: true}})
		if err != nil {
			return nil, err
		}
		for i := range got.Instances {
			final.Items[nameOf(&got.Instances[i])] = l.item(&got.Instances[i])
		}
	}
	return final, nil
}
