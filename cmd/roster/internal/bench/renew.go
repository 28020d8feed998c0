package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/roster-sd/roster/wire"
)

// keep renews the blocks of the fleet when they are due, each a third of its TTL after the
// last time, until the context ends. What an operation has renewed meanwhile waits until it
// is due again. The meter that told last takes what becomes of it; latency counts from when a
// block was due.
func (r *run) keep(ctx context.Context) {
	var group sync.WaitGroup
	for n := range keepers {
		w := &worker{line: r.newLine(n), n: n, of: keepers}
		group.Go(func() {
			defer w.hangUp()
			// To look at a block costs some nanoseconds.
			timer := time.NewTicker(max(2*time.Millisecond, time.Duration(len(r.fleet.blocks))*200*time.Nanosecond))
			defer timer.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
					w.recorder = r.keeping.Load()[n]
					r.renewDue(ctx, w)
				}
			}
		})
	}
	group.Wait()
}

// told makes a meter the one that is told of the renewals that keep the fleet alive.
func (r *run) told(m *meter) {
	var all [keepers]*recorder
	for n := range all {
		all[n] = m.recorder()
	}
	r.keeping.Store(&all)
}

// keepers is how many connections renew what is due.
const keepers = 2

// renewDue renews those blocks of a keeper that are due.
func (r *run) renewDue(ctx context.Context, w *worker) {
	f := r.fleet
	third := f.granted.Load() / 3
	for n := w.n; n < len(f.blocks); n += w.of {
		b := &f.blocks[n]
		now := int64(time.Since(f.zero))
		if !b.full.Load() || now < b.due.Load() {
			continue
		}
		due := b.due.Load()
		if next := b.renewed.Load() + third; next > max(now, due) { // the operation has done it
			b.due.Store(next)
			continue
		}
		b.due.Store(max(due+third, now)) // one that failed is tried again with its turn
		done, err := r.renewBlock(ctx, w, n)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			from, to := f.members(n)
			w.fail(to-from, err)
		default:
			w.answered(time.Since(f.zero)-time.Duration(due), done)
		}
	}
}

// renewBlock renews the nth block in one request, and gives how many of its instances live.
// Those that do not are counted, and registered again.
func (r *run) renewBlock(ctx context.Context, w *worker, n int) (done int, err error) {
	f := r.fleet
	b := &f.blocks[n]
	from, to := f.members(n)
	b.mu.RLock()
	var request []byte
	var sent int
	request, w.buf, sent = f.batch(w.buf, from, to)
	began := time.Now()
	answer, err := ok(w.ask(ctx, request))
	b.mu.RUnlock()
	if err != nil || sent == 0 {
		return 0, err
	}
	if done = bytes.Count(answer.Body, []byte(`"status":200`)); done != sent {
		// Counted to the answer: the server may have come to the request only then.
		lost, err := r.failures(w, answer.Body, from, to, time.Since(f.zero)-time.Duration(b.renewed.Load()))
		if err != nil {
			return done, err
		}
		r.revive(ctx, w, b, lost)
	}
	b.renewed.Store(int64(began.Sub(f.zero)))
	return done, nil
}

// failures counts what failed of a batch whose instances were renewed that long ago, and
// gives the instances that are gone.
func (r *run) failures(w *worker, body []byte, from, to int, age time.Duration) (lost []int, err error) {
	var said wire.HeartbeatResults
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, &refusal{http.StatusOK, codeAnswer, fmt.Sprintf("results of a batch: %v", err)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := from - 1
	for _, result := range said.Results {
		for i++; i < to && r.fleet.tokens[i].n == 0; i++ {
		}
		switch {
		case result.Status == http.StatusOK:
		case i >= to:
			return nil, &refusal{http.StatusOK, codeAnswer, fmt.Sprintf("%d results", len(said.Results))}
		default:
			w.failCode(1, result.Code, result.Detail)
			if gone(result.Status) {
				lost = append(lost, i)
				r.evicted(age)
			}
		}
	}
	return lost, nil
}

func gone(status int) bool { return status == http.StatusGone || status == http.StatusNotFound }

// evicted counts an instance that is gone, and that was renewed that long ago.
func (r *run) evicted(age time.Duration) {
	if age < time.Duration(r.fleet.granted.Load()) {
		r.falsely.Add(1)
		return
	}
	r.late.Add(1)
}

// revive registers instances again, so that the fleet stays as large as it was.
func (r *run) revive(ctx context.Context, w *worker, b *block, lost []int) {
	if len(lost) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range lost {
		if err := r.register(ctx, w.line, &w.buf, i); err != nil && ctx.Err() == nil {
			w.fail(1, err)
		}
	}
}
