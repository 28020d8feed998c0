package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// enlist registers the instances of a range over many connections. It stops at the first
// error that lasts.
func (r *run) enlist(ctx context.Context, from, to int) error {
	r.say("Registering %s.", plural(to-from, "instance"))
	var next atomic.Int64
	next.Store(int64(from))
	done := r.watchCount("registering", int64(to-from), func() int64 { return min(next.Load(), int64(to)) - int64(from) })
	defer done()
	r.enlisted = newMeter("enlist")
	defer func() { r.enlisted.ended = time.Now() }()
	group, ctx := errgroup.WithContext(ctx)
	for n := range min(r.o.Connections, to-from, enlistConnections) {
		recorder := r.enlisted.recorder()
		group.Go(func() error {
			l := r.newLine(n)
			defer l.hangUp()
			var buf []byte
			for {
				i := int(next.Add(1)) - 1
				if i >= to || ctx.Err() != nil {
					return ctx.Err()
				}
				began := time.Now()
				if err := r.registerPatiently(ctx, l, &buf, i); err != nil {
					return err
				}
				recorder.answered(time.Since(began), 1)
				if i == from {
					if err := r.tokensLast(); err != nil {
						return err
					}
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return nil
}

// enlistConnections bounds the connections that register, and those that deregister.
const enlistConnections = 64

// attempts is how often a registration that is not measured is tried, where the registry asks
// to come back or a connection is cut.
const attempts = 5

func (r *run) registerPatiently(ctx context.Context, l *line, buf *[]byte, i int) error {
	for try := 1; ; try++ {
		err := r.register(ctx, l, buf, i)
		var no *refusal
		if err == nil || try == attempts || errors.As(err, &no) && no.status != 429 && no.status != 503 {
			return err
		}
		if pause(ctx, time.Duration(try)*200*time.Millisecond) != nil {
			return err
		}
	}
}

// register registers the ith instance, which shows the number of a new change. Nobody else
// uses its token.
func (r *run) register(ctx context.Context, l *line, buf *[]byte, i int) error {
	return r.registerAs(ctx, l, buf, i, r.fleet.changes.Add(1))
}

func (r *run) registerAs(ctx context.Context, l *line, buf *[]byte, i int, change int64) error {
	*buf = r.fleet.registration((*buf)[:0], i, change)
	sent := time.Now()
	answer, err := ok(l.ask(ctx, *buf))
	if err != nil {
		return err
	}
	return r.fleet.took(i, answer.Body, sent)
}

// tokensLast gives an error if the tokens run out before the run ends: they are not rotated.
func (r *run) tokensLast() error {
	life := time.Duration(r.fleet.life.Load())
	if life > 0 && r.o.Duration > life*9/10 {
		return &optionsError{fmt.Errorf("--duration %v: the tokens of this registry live for %v; want at most nine tenths of that", r.o.Duration, life)}
	}
	return nil
}
