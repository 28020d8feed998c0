//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/e2e/history"
)

// The load of a scenario.
const (
	services = 3
	minTTL   = 2 * time.Second
	maxTTL   = 2600 * time.Millisecond
)

// population tells how many owners heartbeat alone, and how many instances each of two
// agents renews in batches.
func population() (owners, batch int) {
	if long {
		return 120, 60
	}
	return 24, 8
}

// load is what simulated clients do to a cluster, and the record of it.
type load struct {
	t       testing.TB
	cluster *cluster
	rec     *history.Recorder
	clients []clients // of each node

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	// calm: owners go on, but change nothing any more.
	calm atomic.Bool
	// plain: owners register, renew and leave, and nothing else.
	plain atomic.Bool
	serve atomic.Int64 // numbers names
}

// clients are the ways to call one node, which differ in how long they wait.
type clients struct {
	owner   *client.Client // a third of a TTL: the next renewal has to go elsewhere in time
	reader  *client.Client
	patient *client.Client // longer than a node may take
	stream  *client.Client
}

// load puts load on the nodes that run.
func (c *cluster) load() *load {
	l := &load{t: c.t, cluster: c, rec: history.NewRecorder()}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for node := range c.nodes {
		l.know(node)
	}
	c.t.Cleanup(l.stop)
	l.work.Go(func() { l.rec.Run(l.ctx) })
	for node := range c.nodes {
		l.attend(node)
	}
	l.work.Go(func() { l.roam([]string{"svc-0", "svc-1"}) })
	owners, batch := population()
	for i := range owners {
		l.work.Go(func() { l.own(i) })
	}
	for i := range 2 {
		l.work.Go(func() { l.renewMany(i, batch) })
	}
	return l
}

// know makes the clients of a node.
func (l *load) know(node int) {
	l.clients = append(l.clients, clients{
		owner:   l.cluster.client(node, minTTL/3),
		reader:  l.cluster.client(node, 3*time.Second),
		patient: l.cluster.client(node, 6*time.Second),
		stream:  l.cluster.client(node, 2*time.Second),
	})
}

// attend starts what looks at one node: a watcher, a reader and one who keeps changing an
// instance through it.
func (l *load) attend(node int) {
	l.work.Go(func() { l.follow(node) })
	l.work.Go(func() { l.read(node) })
	l.work.Go(func() { l.probe(node) })
}

// stop ends the load and waits for it.
func (l *load) stop() {
	l.cancel()
	l.work.Wait()
}

func (l *load) going() bool { return l.ctx.Err() == nil }

// run lets the load run for a while.
func (l *load) run(d time.Duration) { l.sleep(d) }

// sleep waits, unless the load ends; it tells whether it goes on.
func (l *load) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// between gives a random time.
func between(from, to time.Duration) time.Duration { return from + rand.N(to-from) }

// any gives a node at random.
func (l *load) any() int { return rand.IntN(len(l.clients)) }

// after gives the node to turn to when one does not answer.
func (l *load) after(node int) int { return (node + 1) % len(l.clients) }

// name makes a name that nobody had before.
func (l *load) name(service, owner string) string {
	return fmt.Sprintf("%s/%s-%d", service, owner, l.serve.Add(1))
}

// call makes a call and gives what is to be recorded of it. The caller adds what it
// learnt from the answer.
func (l *load) call(kind history.Kind, node int, name string, do func(ctx context.Context) error) history.Op {
	op := history.Op{Kind: kind, Node: node, Name: name, Start: l.rec.Now()}
	err := do(l.ctx)
	op.End = l.rec.Now()
	op.Status, op.Reason = outcome(kind, err)
	return op
}

// outcome reads status and reason of an answer.
func outcome(kind history.Kind, err error) (int, string) {
	var e *client.Error
	switch {
	case err == nil && kind == history.Register:
		return 201, ""
	case err == nil:
		return 200, ""
	case errors.As(err, &e):
		return e.Status, e.Reason
	case errors.Is(err, context.Canceled): // the load ended: nobody knows
		return 0, ""
	default:
		return 599, err.Error() // no form that an answer may have
	}
}

// revision reads one of an answer.
func (l *load) revision(text string) history.Revision {
	rev, err := history.ParseRevision(text)
	if err != nil {
		l.t.Error(err)
	}
	return rev
}

// disrupt records a disruption: it lasts from when from has returned until to is called, and
// is over when that has returned.
func (l *load) disrupt(d history.Disruption, from func(), lasts time.Duration, to func()) {
	l.t.Helper()
	from()
	d.From = l.rec.Now()
	l.run(lasts)
	d.Ending = l.rec.Now()
	to()
	d.To = l.rec.Now()
	l.rec.Disrupted(d)
}
