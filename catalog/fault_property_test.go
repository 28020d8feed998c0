package catalog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// The kinds of step of a history with faults.
const (
	doRegister = iota
	doUpdate
	doRotate
	doDrop
	doRenew
	doRenewHere // and the node hears of it
	doReturn    // of what the node may bring back
	doPass
	doTake
	doMove // a client to another node
	faultLink
	faultStop
	faultLose
	faultRewind
	faultCompact
	faultEarly
	faultLate
	faultPause
	faultDisturbed
	faultRefused
	heal
	doings
)

// TestFaultHistories are invariants I4 and I9 under every fault that there is: clients of two
// nodes, which move between them, see no revision go back within an epoch, are told of changes
// that fit what they have, or to begin anew; and when all is well again, and every hold is over,
// they have what the store has.
func TestFaultHistories(t *testing.T) {
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op {
		return op{
			Kind:    rapid.IntRange(0, doings-1).Draw(t, "kind"),
			Service: rapid.IntRange(0, 1).Draw(t, "service"),
			A:       rapid.IntRange(0, 4).Draw(t, "a"),
			B:       rapid.IntRange(0, 9).Draw(t, "b"),
		}
	}), 20, 120)
	rapid.Check(t, func(rt *rapid.T) {
		history := steps.Draw(rt, "history")
		back := rapid.SampledFrom([]time.Duration{0, 500 * time.Millisecond}).Draw(rt, "keep back")
		logged := rapid.SampledFrom([]int{3, 20, 1000}).Draw(rt, "log")
		pending := rapid.SampledFrom([]int{2, 100}).Draw(rt, "pending")
		var err error
		synctest.Test(t, func(t *testing.T) {
			err = endure(t, history, catalogtest.Options{KeepBack: back}, Options{LogChanges: logged, Pending: pending})
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func endure(t *testing.T, history []op, backend catalogtest.Options, opts Options) error {
	b := catalogtest.New(backend)
	x := &world{T: t, b: b, nodes: []*peer{join(t, b, opts), join(t, b, opts)}, truth: b.Node()}
	defer x.truth.Close()
	for _, n := range x.nodes {
		x.clients = append(x.clients, watching(n), watching(n, "a"))
	}
	for i, o := range history {
		x.step(o)
		synctest.Wait()
		for n, p := range x.nodes {
			if err := p.checkKept(&store.Snapshot{}); err != nil {
				return fmt.Errorf("step %d, node %d: %w", i, n, err)
			}
		}
		for n, c := range x.clients {
			if c.err != nil {
				return fmt.Errorf("step %d, client %d: %w", i, n, c.err)
			}
		}
	}
	x.heal()
	pass(3 * time.Second)
	for n, p := range x.nodes {
		if age, stale := p.Stale(); stale {
			return fmt.Errorf("node %d is still stale: %v", n, age)
		}
	}
	pass(maxHold + time.Minute) // every hold is over
	for n, p := range x.nodes {
		if err := p.check(); err != nil {
			return fmt.Errorf("node %d at the end: %w", n, err)
		}
		if !p.Position().IsPure() || p.Revision() != b.Snapshot().Revision && len(b.Snapshot().Records) > 0 && p.Revision().Epoch != b.Snapshot().Revision.Epoch {
			return fmt.Errorf("node %d ends at %v, the store at %v", n, p.Position(), b.Snapshot().Revision)
		}
	}
	for n, c := range x.clients {
		for c.take(); c.err == nil && len(c.told) > 0 && c.told[len(c.told)-1] == "resync"; c.take() {
			c.told = append(c.told, "")
		}
		if err := errors.Join(c.err, c.compare(b.Snapshot())); err != nil {
			return fmt.Errorf("client %d at the end: %w", n, err)
		}
	}
	return nil
}

// world is a backend, its nodes and their clients.
type world struct {
	*testing.T
	b       *catalogtest.Backend
	nodes   []*peer
	truth   *catalogtest.Node // a way to the backend that is always whole
	clients []*client
	rewind  func()
	stopped bool
}

func (x *world) heal() {
	if x.stopped {
		x.b.Continue()
		x.stopped = false
	}
	for _, n := range x.nodes {
		n.store.Set(catalogtest.Whole)
		n.store.Late(0)
	}
}

func (x *world) step(o op) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	service, id := string("ab"[o.Service]), fmt.Sprint(o.A)
	ref := store.Ref{Key: store.InstanceKey(service, id)}
	n := x.nodes[o.B%len(x.nodes)]
	switch o.Kind {
	case doRegister:
		ttl := []time.Duration{3 * time.Second, 10 * time.Second, 40 * time.Second, 100 * time.Hour}[o.B%4]
		_, _ = x.truth.Register(ctx, record(service, id, weight(uint16(1+o.B))), store.Grant{TTL: ttl})
	case doUpdate, doRotate:
		_, _ = x.truth.Update(ctx, ref, store.Reason{}, func(r *store.Record) error {
			if r.Tokens.Used[0]++; o.Kind == doUpdate {
				r.Instance.Weight += 1 + uint16(o.B)
			}
			return nil
		})
	case doDrop:
		_, _ = x.truth.Deregister(ctx, ref, store.Reason{})
	case doRenew:
		_, _ = x.truth.Renew(ctx, []store.Ref{ref})
	case doRenewHere:
		if h, ok := n.Find(service, id); ok {
			sent := n.Now()
			if rs, err := x.truth.Renew(ctx, []store.Ref{h.Packed.Ref()}); err == nil && rs[0].Err == nil {
				h.Renewed(sent, rs[0].TTL)
			}
		}
	case doReturn:
		n.TakeEarly()
		if l, ok := n.Lost(ref.Key); ok {
			_, _ = x.truth.Register(ctx, *l.Record, store.Grant{TTL: l.Record.TTL,
				If: store.Condition{Absent: true, Generation: l.Record.Generation}})
		}
	case doPass:
		pass(time.Duration(1+o.A*o.A*o.B) * 200 * time.Millisecond)
	case doTake:
		x.clients[o.A%len(x.clients)].take()
	case doMove:
		x.clients[o.A%len(x.clients)].move(n)
	case faultLink:
		n.store.Set([]catalogtest.Link{catalogtest.Down, catalogtest.Mute, catalogtest.Whole}[o.A%3])
	case faultStop:
		if x.stopped = !x.stopped; x.stopped {
			x.b.Stop()
		} else {
			x.b.Continue()
		}
	case faultLose:
		if o.B < 3 {
			x.b.Lose()
		}
	case faultRewind:
		if x.rewind == nil {
			x.rewind = x.b.Save()
		} else if o.B < 5 {
			x.rewind()
			x.rewind = nil
		}
	case faultCompact:
		x.b.Compact()
	case faultEarly:
		x.b.EndEarly(ref.Key)
	case faultLate:
		n.store.Late(time.Duration(o.A) * 300 * time.Millisecond)
	case faultPause:
		n.paused.Add(int64(time.Duration(o.A) * time.Second))
	case faultDisturbed:
		n.Disturbed(store.Disturbance{From: time.Now().Add(-time.Duration(o.A) * time.Second), At: time.Now()})
	case faultRefused:
		if h, ok := n.Find(service, id); ok {
			h.Refused(n.Now())
		}
	case heal:
		x.heal()
	}
}

// move has the client leave its node and come to another with its position. Where the node
// is behind that, it would be told to wait.
func (c *client) move(to *peer) {
	c.take()
	if at, ok := c.sub.Position(); ok {
		c.to(at)
	}
	if to.Revision().Before(c.at.Revision) {
		return
	}
	services := c.sub.services
	c.sub.Close()
	c.p = to
	if sub, ok := to.Resume(services, c.at); ok {
		c.sub = sub
		return
	}
	var views []View
	c.sub, views = to.Subscribe(services)
	c.begin(views)
}

// compare compares the client's own view with what the store has.
func (c *client) compare(snap store.Snapshot) error {
	n := 0
	for _, r := range snap.Records {
		if !c.sub.wants(r.Key.Service) {
			continue
		}
		n++
		if mine := c.view[r.Key]; mine == nil || !mine.Instance.Equal(&r.Instance) {
			return fmt.Errorf("%s: the client has %v, the store %v", r.Key, mine, r)
		}
	}
	if n != len(c.view) {
		return fmt.Errorf("the client has %d instances, the store %d", len(c.view), n)
	}
	return nil
}
