package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// work is what a slice asks of a server.
type work interface {
	// open opens the nth of several connections. What is done on it ends at the
	// context's deadline.
	open(ctx context.Context, target Target, n, of int) (line, error)
}

// line is one connection of a load. It is used by one goroutine.
type line interface {
	exchange() error // one request and its answer
	hangUp()
}

// The phases of a slice. A worker counts the answers that arrive while measuring.
const (
	warming int32 = iota
	measuring
	stopping
)

// worker is one connection of the load and its loop. Its figures are its own until
// the loop has ended.
type worker struct {
	line
	latency *hdrhistogram.Histogram // nanoseconds
	counted int64                   // answers that came while measuring
}

// dial opens the connections of a load. On error none is left open.
func dial(ctx context.Context, target Target, w work, connections int) ([]*worker, error) {
	workers := make([]*worker, 0, connections)
	for i := range connections {
		line, err := w.open(ctx, target, i, connections)
		if err != nil {
			hangUp(workers)
			return nil, fmt.Errorf("dial connection %d of %d: %w", i+1, connections, err)
		}
		workers = append(workers, &worker{line: line, latency: hdrhistogram.New(1000, int64(time.Minute), 2)})
	}
	return workers, nil
}

func hangUp(workers []*worker) {
	for _, w := range workers {
		w.hangUp()
	}
}

// drive runs all workers until the phase is stopping. Each ends with the answer then
// under way, or at its first error. The caller waits for done.
func drive(workers []*worker, phase *atomic.Int32, done *sync.WaitGroup, failed func(error)) {
	for _, w := range workers {
		done.Go(func() {
			if err := w.loop(phase); err != nil {
				failed(err)
			}
		})
	}
}

func (w *worker) loop(phase *atomic.Int32) error {
	begun := time.Now()
	for phase.Load() != stopping {
		if err := w.exchange(); err != nil {
			return err
		}
		ended := time.Now()
		if phase.Load() == measuring {
			w.counted++
			if err := w.latency.RecordValue(int64(ended.Sub(begun))); err != nil {
				return fmt.Errorf("record latency: %w", err)
			}
		}
		begun = ended
	}
	return nil
}
