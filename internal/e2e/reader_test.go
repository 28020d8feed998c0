//go:build unix

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/wire"
)

// read reads from one node all the time.
func (l *load) read(node int) {
	for l.sleep(between(20*time.Millisecond, 60*time.Millisecond)) {
		service := fmt.Sprintf("svc-%d", rand.IntN(services))
		if rand.IntN(3) > 0 {
			l.list(node, service)
		} else {
			l.resolve(node, service)
		}
	}
}

func (l *load) list(node int, service string) {
	var got wire.Service
	var fresh client.Freshness
	op := l.call(history.List, node, "", func(ctx context.Context) (err error) {
		got, err = l.clients[node].reader.Service(ctx, service, client.ServiceOptions{ReadOptions: client.ReadOptions{Freshness: &fresh}})
		return err
	})
	op.Service, op.Stale = service, fresh.Stale
	for i := range got.Instances {
		op.Names = append(op.Names, nameOf(&got.Instances[i]))
	}
	l.seen(op)
}

func (l *load) resolve(node int, service string) {
	var got wire.Instance
	var fresh client.Freshness
	op := l.call(history.Resolve, node, "", func(ctx context.Context) (err error) {
		got, err = l.clients[node].reader.Resolve(ctx, service, client.ResolveOptions{ReadOptions: client.ReadOptions{Freshness: &fresh}})
		return err
	})
	op.Service, op.Stale = service, fresh.Stale
	if op.Acknowledged() {
		op.Name = nameOf(&got)
	}
	l.seen(op)
}

// get looks for one instance.
func (l *load) get(node int, name string) {
	var fresh client.Freshness
	op := l.call(history.Get, node, name, func(ctx context.Context) error {
		_, err := l.clients[node].reader.Instance(ctx, refOf(name), client.ReadOptions{Freshness: &fresh})
		return err
	})
	op.Service, op.Stale = refOf(name).ServiceName, fresh.Stale
	l.seen(op)
}

// seen records a read, unless it was the end of the load that ended it.
func (l *load) seen(op history.Op) {
	if l.going() || op.Status != 0 {
		l.rec.Add(op)
	}
}

func nameOf(in *wire.Instance) string { return in.ServiceName + "/" + in.InstanceID }
