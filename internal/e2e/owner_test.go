//go:build unix

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/wire"
)

// owner is a service's replica that keeps itself registered.
type owner struct {
	l     *load
	label string
	node  int // that it calls
	name  string
	token string
	ttl   time.Duration // granted
}

// own lives one life after the other.
func (l *load) own(i int) {
	o := &owner{l: l, label: fmt.Sprintf("o%d", i), node: i % len(l.clients)}
	l.sleep(between(0, time.Second)) // all at once is not the load that figures are for
	for l.going() {
		if o.register(l.name(fmt.Sprintf("svc-%d", i%services), o.label), between(minTTL, maxTTL)) {
			o.live()
		}
		l.sleep(between(20*time.Millisecond, 200*time.Millisecond))
	}
}

func refOf(name string) wire.InstanceRef {
	service, id, _ := strings.Cut(name, "/")
	return wire.InstanceRef{ServiceName: service, InstanceID: id}
}

// weight makes changes that can be told apart.
func weight() int { return 1 + rand.IntN(10_000) }

// register begins a life under a name, and looks at once whether the node shows it. Who
// gets no answer takes another name next time.
func (o *owner) register(name string, ttl time.Duration) bool {
	if !o.take(o.node, name, ttl) {
		o.node = o.l.after(o.node)
		return false
	}
	o.l.get(o.node, name)
	return true
}

// take registers the name on a node, be it for the first time or in its own place.
func (o *owner) take(node int, name string, ttl time.Duration) bool {
	ref, w, ms := refOf(name), weight(), ttl.Milliseconds()
	var got wire.Registered
	op := o.l.call(history.Register, node, name, func(ctx context.Context) (err error) {
		got, err = o.l.clients[node].owner.RegisterOnce(ctx, wire.Registration{ServiceName: ref.ServiceName, InstanceID: ref.InstanceID,
			Address: "10.0.0.1", Port: 80, Weight: w, TTL: &ms}, o.token)
		return err
	})
	op.Weight = w
	if op.Acknowledged() {
		op.TTL, op.Revision = time.Duration(got.TTL)*time.Millisecond, o.l.revision(got.Instance.Revision)
		o.name, o.token, o.ttl = name, got.Token, op.TTL
	}
	o.l.rec.Add(op)
	return op.Acknowledged()
}

// live renews until the life ends, and does something else now and then.
func (o *owner) live() {
	defer func() { o.token = "" }()
	for o.l.sleep(between(o.ttl*3/10, o.ttl/3)) && o.beat() {
		if o.l.calm.Load() {
			continue
		}
		plain := o.l.plain.Load()
		switch p := rand.IntN(100); {
		case p < 4:
			o.l.rec.Add(history.Op{Kind: history.Stop, Name: o.name, Start: o.l.rec.Now(), End: o.l.rec.Now()})
			return
		case p < 7:
			o.leave()
			return
		case plain:
		case p < 12:
			o.rotate(o.l.any())
		case p < 20:
			o.patch(o.l.any())
		case p < 24:
			if !o.take(o.l.any(), o.name, o.ttl) {
				return // the token is unknown now
			}
			o.node = o.l.any() // which has to know the new token at once
			if !o.beat() {
				return
			}
		}
	}
}

// beat renews, on another node if the one it calls does not answer, until somebody did. It
// is false once the life is over.
func (o *owner) beat() bool {
	for o.l.going() {
		op := o.renew(o.node)
		if op.Acknowledged() {
			return true
		}
		if !op.Unknown() {
			return false
		}
		o.node = o.l.after(o.node)
		o.l.sleep(between(30*time.Millisecond, 100*time.Millisecond))
	}
	return false
}

func (o *owner) renew(node int) history.Op {
	var got wire.Heartbeat
	op := o.l.call(history.Renew, node, o.name, func(ctx context.Context) (err error) {
		got, err = o.l.clients[node].owner.Heartbeat(ctx, refOf(o.name), o.token)
		return err
	})
	op.TTL = time.Duration(got.TTL) * time.Millisecond
	o.l.rec.Add(op)
	return op
}

// rotate takes a new token. Where no answer comes the old one is good still.
func (o *owner) rotate(node int) {
	var got wire.Token
	op := o.l.call(history.Rotate, node, o.name, func(ctx context.Context) (err error) {
		got, err = o.l.clients[node].owner.RotateToken(ctx, refOf(o.name), o.token)
		return err
	})
	if op.Acknowledged() {
		o.token = got.Token
	}
	o.l.rec.Add(op)
}

func (o *owner) patch(node int) history.Op {
	w := weight()
	var got wire.Instance
	op := o.l.call(history.Patch, node, o.name, func(ctx context.Context) (err error) {
		got, err = o.l.clients[node].owner.Patch(ctx, refOf(o.name), o.token, wire.Patch{Weight: &w})
		return err
	})
	op.Weight = w
	if op.Acknowledged() {
		op.Revision = o.l.revision(got.Revision)
	}
	o.l.rec.Add(op)
	return op
}

// leave deregisters, on any node, and looks at once whether that node still shows it.
func (o *owner) leave() {
	node := o.l.any()
	for range 3 {
		op := o.l.call(history.Deregister, node, o.name, func(ctx context.Context) error {
			return o.l.clients[node].owner.Deregister(ctx, refOf(o.name), o.token, "")
		})
		o.l.rec.Add(op)
		if op.Acknowledged() {
			o.l.get(node, o.name)
		}
		if !op.Unknown() || !o.l.going() {
			return
		}
		node = o.l.after(node)
	}
}
