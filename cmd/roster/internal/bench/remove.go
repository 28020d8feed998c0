package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// remove deregisters every instance of the fleet that is registered. It goes on although ctx
// has ended, and gives an error if some are left: those end with their TTL.
func (r *run) remove(ctx context.Context) error {
	f := r.fleet
	n := int(f.registered.Load())
	if n == 0 {
		return nil
	}
	const each = 20 * time.Millisecond // slower, and something is wrong
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*patience+time.Duration(n)*each)
	defer cancel()
	// Nobody renews them any more, and to ask for many that are gone looks like an attack: what
	// is not deregistered when the first of them end is left to do so too.
	end := f.zero.Add(f.oldest() + time.Duration(f.granted.Load()))
	r.say("Deregistering %s. A second interrupt stops that; what is left then ends with its TTL.", plural(n, "instance"))
	var next, failed atomic.Int64
	var once sync.Once
	var first error
	done := r.watchCount("deregistering", int64(len(f.tokens)), func() int64 { return min(next.Load(), int64(len(f.tokens))) })
	defer done()
	var group sync.WaitGroup
	for c := range min(enlistConnections, n) {
		group.Go(func() {
			l := r.newLine(c)
			defer l.hangUp()
			var buf []byte
			for misses := 0; misses < attempts; {
				i := int(next.Add(1)) - 1
				if i >= len(f.tokens) || time.Now().After(end) {
					return
				}
				if f.tokens[i].n == 0 {
					continue
				}
				if err := r.deregister(ctx, l, &buf, i); err != nil && time.Now().Before(end) {
					once.Do(func() { first = err })
					failed.Add(1)
					misses++
				}
			}
		})
	}
	group.Wait()
	if left := f.registered.Load(); left > 0 && failed.Load() == 0 {
		r.say("The last %s end with their TTL.", plural(int(left), "instance"))
	}
	if failed.Load() == 0 {
		return nil
	}
	return fmt.Errorf("deregister: %s left, which end with their TTL: %w", plural(int(f.registered.Load()), "instance"), first)
}

// deregister deregisters the ith instance, whose token nobody else uses. One that is gone
// already is as good.
func (r *run) deregister(ctx context.Context, l *line, buf *[]byte, i int) error {
	*buf = r.fleet.removal((*buf)[:0], i)
	_, err := ok(l.ask(ctx, *buf))
	var no *refusal
	if errors.As(err, &no) && gone(no.status) {
		err = nil
	}
	if err == nil {
		r.fleet.tokens[i].n = 0
		r.fleet.registered.Add(-1)
		r.fleet.blockOf(i).here.Add(-1)
	}
	return err
}
