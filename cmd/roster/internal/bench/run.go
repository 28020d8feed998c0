package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Run measures what the options say. It tells on progress what it does; nil: nobody. An
// interruption of ctx ends the measurement early, and the instances are deregistered all the
// same. The result tells what was measured also where there is an error: one of the kind
// [ErrOptions], [ErrFailed], or of the registry that cannot be reached or refuses.
func Run(ctx context.Context, o Options, progress Progress) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := newRun(&o, progress)
	err := r.all(ctx)
	result := r.result()
	if err == nil {
		err = result.err()
	}
	return result, err
}

// run is a measurement under way.
type run struct {
	o        *Options
	progress Progress
	fleet    *fleet
	audience *audience // of Watch and Mixed

	meters        []*meter
	enlisted      *meter                             // of the registrations before the operation; nil: there were none
	kept          *meter                             // of the renewals that only keep the fleet alive
	keeping       atomic.Pointer[[keepers]*recorder] // told of such renewals
	falsely, late atomic.Int64                       // evictions

	interrupted           bool // before the measurement was over
	before, opened, after *moment
	noMetrics             string

	abort context.CancelCauseFunc
}

func newRun(o *Options, progress Progress) *run {
	if progress == nil {
		progress = silent{}
	}
	size := o.Batch
	if o.Operation == Heartbeat { // each connection has blocks of its own
		size = max(min(size, o.Instances/o.Connections), 1)
	}
	return &run{o: o, progress: progress, fleet: newFleet(o, min(size, o.Instances), time.Now())}
}

func (r *run) say(format string, args ...any) { r.progress.Say(fmt.Sprintf(format, args...)) }

// meter adds one to those of the result.
func (r *run) meter(name string) *meter {
	m := newMeter(name)
	r.meters = append(r.meters, m)
	return m
}

// all registers, measures, and deregisters.
func (r *run) all(ctx context.Context) error {
	return r.alive(ctx, true, func(ctx context.Context) error {
		if r.o.Operation != Register {
			if err := r.enlist(ctx, 0, r.o.Instances); err != nil {
				return err
			}
		}
		r.before = r.scrape(ctx)
		err := r.measure(ctx)
		r.progress.Watch(nil)
		r.after = r.scrape(context.WithoutCancel(ctx))
		return err
	})
}

// alive does something while the fleet is kept alive, and then deregisters the fleet unless
// its registry ends anyway.
func (r *run) alive(parent context.Context, remove bool, do func(context.Context) error) (err error) {
	ctx, abort := context.WithCancelCause(parent)
	r.abort = abort
	defer abort(nil)
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keepers sync.WaitGroup
	r.kept = newMeter("kept")
	r.told(r.kept)
	keepers.Go(func() { r.keep(keeping) })
	defer func() {
		stop()
		keepers.Wait()
		if remove {
			err = errors.Join(err, r.remove(parent))
		}
	}()
	err = ended(ctx, do(ctx))
	r.interrupted = parent.Err() != nil
	return err
}

// ended gives the reason of an end from within, nothing for an interruption, and else err.
func ended(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case errors.Is(cause, context.Canceled), errors.Is(cause, context.DeadlineExceeded):
		return nil // the result says that it was interrupted
	default:
		return cause
	}
}

// together drives several loads at once until the context ends.
func (r *run) together(ctx context.Context, parts []load) {
	var group sync.WaitGroup
	for _, l := range parts {
		group.Go(func() { r.drive(ctx, l, r.o.Duration) })
	}
	group.Wait()
}
