package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// contest is a case over a protocol: servers that are driven in turn.
type contest struct {
	label Slice // what all slices of the case have in common
	sides []side
	renew func(context.Context) error // before each round; nil: nothing to renew
}

// side is a server of a contest and what it is asked.
type side struct {
	target Target
	load   work
	tidy   func(context.Context) error // after its slice; nil: nothing to do
}

// errLoad says that requests of the load failed: what was measured then means nothing.
var errLoad = errors.New("requests failed")

// attempts is how many rounds are measured at the most for each one wanted.
const attempts = 3

// play measures a case until enough rounds were undisturbed, or too many were measured.
func (r *runner) play(ctx context.Context, c *contest) error {
	for n, clean := 1, 0; clean < r.options.Rounds && n <= attempts*r.options.Rounds; n++ {
		if c.renew != nil {
			if err := c.renew(ctx); err != nil {
				return err
			}
		}
		if err := r.calm(ctx); err != nil {
			return err
		}
		disturbed, err := r.round(ctx, c, n)
		if err != nil {
			return fmt.Errorf("case %s: %w", c.label.Case, err)
		}
		if !disturbed {
			clean++
		}
	}
	return nil
}

// calm waits for a calm machine, and tells if it did not come.
func (r *runner) calm(ctx context.Context) error {
	calm, err := awaitCalm(ctx, r.options.Calm, r.options.Disturbance)
	if err == nil && !calm {
		r.progress.printf("the machine is busy, and %v did not change that\n", r.options.Calm)
	}
	return err
}

// round measures one slice of each side, the nth time. The order of the servers changes
// with each round.
func (r *runner) round(ctx context.Context, c *contest, n int) (disturbed bool, err error) {
	first := len(r.report.Slices)
	for i := range c.sides {
		side := c.sides[(i+n+1)%len(c.sides)]
		connections := r.options.Connections
		if c.label.Items > 0 {
			connections = min(connections, batchConnections)
		}
		slice, err := Measure(ctx, side.target, side.load, connections, r.options.Slice)
		if err != nil {
			return false, err
		}
		slice.take(c.label)
		slice.Round = n
		slice.Disturbed = r.options.disturbed(slice.Seconds, slice.StealPercent+slice.OthersPercent)
		r.report.Slices = append(r.report.Slices, slice)
		r.tell(slice)
		if slice.Errors > 0 {
			return false, fmt.Errorf("%s: %w: %d, the first: %s", slice.Server, errLoad, slice.Errors, slice.FirstError)
		}
		if side.tidy != nil {
			if err := side.tidy(ctx); err != nil {
				return false, err
			}
		}
	}
	return settle(r.report.Slices[first:]), nil
}

// take fills in what the slice is about.
func (s *Slice) take(label Slice) {
	s.Case, s.Backend, s.Protocol, s.Against = label.Case, label.Backend, label.Protocol, label.Against
	s.BodyBytes, s.Items = label.BodyBytes, label.Items
}

// settle discards all slices of a round if one was disturbed, and tells whether it did.
func settle(round []Slice) (discard bool) {
	for _, s := range round {
		discard = discard || s.Disturbed
	}
	for i := range round {
		round[i].Discarded = discard
	}
	return discard
}

// disturbed tells whether others took too much of the machine, given in per cent of its
// CPU, in a time of that many seconds.
func (o *Options) disturbed(seconds, percent float64) bool {
	return percent > max(o.Disturbance, noiseFloor(time.Duration(seconds*float64(time.Second))))
}

// noiseFloor is the share of the machine's CPU, in per cent, that means nothing in a
// time of that length: the kernel counts in ticks, and a few of them are no sign.
func noiseFloor(length time.Duration) float64 {
	const noise = 4 * tick
	return 100 * float64(noise) / float64(max(length, tick)) / float64(runtime.NumCPU())
}

func (r *runner) tell(s Slice) {
	note := ""
	if s.Disturbed {
		note = fmt.Sprintf("  disturbed: others %.0f %%, steal %.0f %%", s.OthersPercent, s.StealPercent)
	}
	r.progress.printf("%-6s  %-4s  %-21s  round %d  %-14s  %8s req/s  %6.1f µs CPU  p99 %s µs%s\n",
		s.Backend, s.Protocol, s.Case, s.Round, s.Server, grouped(s.RequestsPerSecond), s.CPUMicros, grouped(s.P99Micros), note)
}
