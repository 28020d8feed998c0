package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
)

// measure drives the operation.
func (r *run) measure(ctx context.Context) error {
	o := r.o
	l := load{connections: o.Connections, rate: o.Rate, ops: 1}
	switch o.Operation {
	case Register:
		l.do = r.registering()
	case Heartbeat:
		l.do = r.beating(len(r.fleet.blocks))
	case Heartbeats:
		l.do, l.ops = r.batching(len(r.fleet.blocks)), min(o.Batch, o.Instances)
	case Resolve:
		l.do = r.reading("/registry/resolve/", o.Services)
	case List:
		l.do = r.reading("/registry/services/", o.Services)
	case Watch:
		return r.watching(ctx)
	default:
		return r.mixing(ctx)
	}
	l.meter = r.meter(o.Operation)
	r.say("Measuring %s for %v on %s.", o.Operation, o.Duration, plural(o.Connections, "connection"))
	r.progress.Watch(r.live())
	r.drive(ctx, l, o.Duration)
	return nil
}

// registering registers one instance after the other, until all are there.
func (r *run) registering() step {
	var next atomic.Int64
	return func(ctx context.Context, w *worker) (int, error) {
		i := int(next.Add(1)) - 1
		if i >= len(r.fleet.tokens) {
			return 0, errDone
		}
		if err := r.register(ctx, w.line, &w.buf, i); err != nil {
			return 0, err
		}
		if i == 0 {
			if err := r.tokensLast(); err != nil {
				r.abort(err)
				return 0, errDone
			}
		}
		return 1, nil
	}
}

// beating renews one instance after the other of so many blocks, each worker those of blocks of
// its own.
func (r *run) beating(blocks int) step {
	f := r.fleet
	type place struct{ block, at int }
	places := make([]place, r.o.Connections)
	for n := range places {
		places[n].block = n % blocks
	}
	return func(ctx context.Context, w *worker) (int, error) {
		p := &places[w.n]
		from, to := f.members(p.block)
		b, i := &f.blocks[p.block], from+p.at
		b.mu.RLock()
		w.buf = f.beat(w.buf[:0], i)
		b.mu.RUnlock()
		answer, err := w.ask(ctx, w.buf)
		if p.at++; i+1 == to {
			*p = place{block: (p.block + w.of) % blocks}
		}
		if err != nil {
			return 0, err
		}
		if gone(answer.Status) {
			no := refused(answer) // the answer's body is not kept
			r.evicted(time.Since(f.zero) - time.Duration(b.renewed.Load()))
			r.revive(ctx, w, b, []int{i})
			return 0, no
		}
		if _, err = ok(answer, nil); err != nil {
			return 0, err
		}
		return 1, nil
	}
}

// batching renews one of so many blocks after the other, each worker those of its own.
func (r *run) batching(blocks int) step {
	return func(ctx context.Context, w *worker) (int, error) {
		return r.renewBlock(ctx, w, (w.n+w.turn*w.of)%blocks)
	}
}

// checkEvery is how many answers pass between two whose contents are looked at.
const checkEvery = 16

// reading asks for one of so many services after the other.
func (r *run) reading(path string, services int) step {
	requests := make([][]byte, services)
	names := make([][]byte, services)
	for n := range requests {
		requests[n] = rawclient.Get(r.fleet.host, path+r.fleet.service(n))
		names[n] = []byte(`"serviceName":"` + r.fleet.service(n) + `"`)
	}
	return func(ctx context.Context, w *worker) (int, error) {
		// Workers begin anywhere, and go through the services with strides of their own.
		n := (w.n*7919 + w.turn) % len(requests)
		answer, err := ok(w.ask(ctx, requests[n]))
		if err == nil && w.turn%checkEvery == 0 && !bytes.Contains(answer.Body, names[n]) {
			err = &refusal{answer.Status, codeAnswer, fmt.Sprintf("not of %s: %.200s", r.fleet.service(n), answer.Body)}
		}
		if err != nil {
			return 0, err
		}
		return 1, nil
	}
}

// mixing is a fleet as it is in use: it renews, leaves and comes back, is resolved and
// watched, all at once.
func (r *run) mixing(ctx context.Context) error {
	o := r.o
	watchers, err := r.openWatchers(ctx, r.o.Services)
	if err != nil {
		return err
	}
	defer watchers.close()
	renewals := r.meter("heartbeats")
	r.told(renewals)
	var parts []load
	if o.Resolvers > 0 {
		parts = append(parts, load{meter: r.meter("resolve"), connections: o.Resolvers, rate: o.Rate, ops: 1, do: r.reading("/registry/resolve/", o.Services)})
	}
	if o.Churn > 0 {
		parts = append(parts, load{meter: r.meter("churn"), connections: min(o.Connections, 16), rate: o.Churn, ops: 1, first: o.Resolvers, do: r.churning(watchers)})
	}
	r.say("Measuring a fleet for %v: %s, %s, %s, %v leave and come back a second.", o.Duration,
		plural(o.Instances, "instance"), plural(o.Resolvers, "resolver"), plural(o.Watchers, "watcher"), o.Churn)
	r.progress.Watch(r.live())
	end := time.Now().Add(o.Duration)
	r.together(ctx, parts)
	_ = pause(ctx, time.Until(end)) // an interruption is seen by all that follows
	renewals.ended = time.Now()
	r.told(r.kept)
	watchers.settle(context.WithoutCancel(ctx))
	return nil
}

// churning deregisters an instance and registers it again. Watchers see the second as a
// change.
func (r *run) churning(watchers *audience) step {
	f := r.fleet
	return func(ctx context.Context, w *worker) (int, error) {
		i := rand.IntN(len(f.tokens))
		b := f.blockOf(i)
		b.mu.Lock()
		defer b.mu.Unlock()
		if f.tokens[i].n > 0 { // else it failed to come back
			if err := r.deregister(ctx, w.line, &w.buf, i); err != nil {
				return 0, err
			}
		}
		change := watchers.expect(f.serviceOf(i), time.Now())
		if err := r.registerAs(ctx, w.line, &w.buf, i, change); err != nil {
			watchers.forget(change)
			return 0, err
		}
		return 1, nil
	}
}
