//go:build unix

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/wire"
)

// renewMany is an agent that renews all instances of its machine in one call.
func (l *load) renewMany(i, n int) {
	node := i % len(l.clients)
	var mine []*owner
	for l.sleep(between(minTTL*3/10, minTTL/3)) {
		for len(mine) < n && l.going() && !(l.calm.Load() && len(mine) > 0) {
			o := &owner{l: l, label: fmt.Sprintf("a%d", i), node: node}
			if !o.register(l.name(fmt.Sprintf("svc-%d", i%services), o.label), between(minTTL, maxTTL)) {
				node = o.node
				break // what it has must not wait for more
			}
			mine = append(mine, o)
		}
		mine, node = l.renewAll(mine, node)
		if len(mine) > 0 && !l.calm.Load() && rand.IntN(4) == 0 {
			last := len(mine) - 1
			mine[last].leave()
			mine = mine[:last]
		}
	}
}

// renewAll renews in one call, on another node if the one does not answer, until one has.
// It gives those that live on.
func (l *load) renewAll(mine []*owner, node int) ([]*owner, int) {
	if len(mine) == 0 {
		return mine, node
	}
	items := make([]wire.HeartbeatItem, len(mine))
	for i, o := range mine {
		ref := refOf(o.name)
		items[i] = wire.HeartbeatItem{ServiceName: ref.ServiceName, InstanceID: ref.InstanceID, Token: o.token}
	}
	for l.going() {
		var got []wire.HeartbeatResult
		whole := l.call(history.Renew, node, "", func(ctx context.Context) (err error) {
			got, err = l.clients[node].owner.Heartbeats(ctx, items)
			return err
		})
		var live []*owner
		retry := false
		for i, o := range mine {
			op := whole
			op.Name = o.name
			if whole.Acknowledged() {
				op.Status, op.Reason, op.TTL = got[i].Status, got[i].Reason, time.Duration(got[i].TTL)*time.Millisecond
			}
			l.rec.Add(op)
			retry = retry || op.Unknown()
			if op.Acknowledged() || op.Unknown() {
				live = append(live, o)
			}
		}
		if !retry {
			return live, node
		}
		if len(live) < len(mine) {
			return live, l.after(node) // the rest with the next call
		}
		node = l.after(node)
		l.sleep(between(30*time.Millisecond, 100*time.Millisecond))
	}
	return mine, node
}
