//go:build unix

package e2e

import (
	"context"
	"time"

	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/wire"
)

// probe keeps renewing and changing an instance through one node and no other, and waits
// for each answer longer than a node may take. It tells when a node takes writes, and how
// soon it refuses them.
func (l *load) probe(node int) {
	const ttl = 20 * time.Second
	for l.going() {
		o := &prober{owner{l: l, label: "probe", node: node}}
		if o.take(node, l.name("probe", o.label), ttl) {
			o.live()
		}
		l.sleep(200 * time.Millisecond)
	}
}

type prober struct{ owner }

func (p *prober) live() {
	for p.l.sleep(between(60*time.Millisecond, 120*time.Millisecond)) {
		if !p.renew() {
			return
		}
		if !p.l.calm.Load() && p.l.going() {
			p.change()
		}
	}
}

func (p *prober) renew() bool {
	var got wire.Heartbeat
	op := p.l.call(history.Renew, p.node, p.name, func(ctx context.Context) (err error) {
		got, err = p.l.clients[p.node].patient.Heartbeat(ctx, refOf(p.name), p.token)
		return err
	})
	op.TTL, op.Patient = time.Duration(got.TTL)*time.Millisecond, p.l.going()
	p.l.rec.Add(op)
	return op.Acknowledged() || op.Unknown()
}

func (p *prober) change() {
	w := weight()
	var got wire.Instance
	op := p.l.call(history.Patch, p.node, p.name, func(ctx context.Context) (err error) {
		got, err = p.l.clients[p.node].patient.Patch(ctx, refOf(p.name), p.token, wire.Patch{Weight: &w})
		return err
	})
	op.Weight, op.Patient = w, p.l.going()
	if op.Acknowledged() {
		op.Revision = p.l.revision(got.Revision)
	}
	p.l.rec.Add(op)
}
