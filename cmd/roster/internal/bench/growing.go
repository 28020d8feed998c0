package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/roster-sd/roster/internal/bench/machine"
)

// growing measures the costs at one size after the other.
type growing struct {
	*run
	o       *GrowthOptions
	process *own // nil: the registry is not ours
}

// point measures all costs with n instances.
func (g *growing) point(ctx context.Context, n int) (Point, error) {
	g.say("Measuring with %s.", plural(n, "instance"))
	p := Point{Instances: n, Services: g.o.services(n)}
	for range g.o.Rounds {
		if err := g.round(ctx, &p); err != nil {
			return p, err
		}
	}
	for i := range p.Costs {
		c := &p.Costs[i]
		c.CPUMicros = median(c.Each)
	}
	if m := g.scrape(ctx); m != nil {
		p.ResidentBytes = m.value("process_resident_memory_bytes")
		p.BytesPerInstance = p.ResidentBytes / float64(n)
	}
	return p, ctx.Err()
}

// round measures each operation once.
func (g *growing) round(ctx context.Context, p *Point) error {
	blocks := max(p.Instances/g.fleet.size, 1)
	idle, err := g.idle(ctx)
	if err != nil {
		return err
	}
	batch := load{connections: growthConnections, ops: min(g.fleet.size, p.Instances), do: g.batching(blocks)}
	one := load{connections: growthConnections, ops: 1, do: g.beating(blocks)}
	resolve := load{connections: growthConnections, ops: 1, do: g.reading("/registry/resolve/", p.Services)}
	for _, c := range []struct {
		name string
		load load
	}{{costBatch, batch}, {costRenewal, one}, {costResolve, resolve}} {
		if err := g.slice(ctx, p, c.name, c.load, idle); err != nil {
			return err
		}
	}
	if err := g.events(ctx, p, idle); err != nil {
		return err
	}
	return g.evictions(ctx, p, idle)
}

// idle gives the share of a processor that the server uses when nobody asks it anything.
func (g *growing) idle(ctx context.Context) (float64, error) {
	before, err := g.cpu(ctx)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := pause(ctx, g.o.Slice/2); err != nil {
		return 0, err
	}
	after, err := g.cpu(ctx)
	return (after - before).Seconds() / time.Since(begun).Seconds(), err
}

// errNoCPU says that the server's CPU time cannot be had.
var errNoCPU = errors.New("the CPU time of the server is not known: name its metrics with --metrics")

// cpu gives the CPU time that the server has used.
func (g *growing) cpu(ctx context.Context) (time.Duration, error) {
	if g.process != nil {
		if d, err := machine.CPUTime(g.process.PID()); err == nil {
			return d, nil
		}
	}
	m := g.scrape(ctx)
	if m == nil {
		return 0, fmt.Errorf("%w: %s", errNoCPU, g.noMetrics)
	}
	return time.Duration(m.value("process_cpu_seconds_total") * float64(time.Second)), nil
}

// slice drives a load for a slice and notes what one operation cost.
func (g *growing) slice(ctx context.Context, p *Point, name string, l load, idle float64) error {
	l.meter = newMeter(name)
	before, err := g.cpu(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	g.drive(ctx, l, g.o.Slice)
	after, err := g.cpu(ctx)
	if err != nil {
		return err
	}
	part := l.meter.part()
	if err := part.err(); err != nil {
		return err
	}
	p.note(part, after-before-time.Duration(idle*float64(time.Since(begun))))
	return ctx.Err()
}

// err tells what failed of a part, or that nothing was done.
func (p *Part) err() error {
	for code, n := range p.Errors {
		return fmt.Errorf("%w: %s: %d × %s (%s)", ErrFailed, p.Name, n, code, p.First[code])
	}
	return nil
}

// note adds what a part cost together.
func (p *Point) note(part Part, cpu time.Duration) {
	if part.Operations == 0 {
		return
	}
	i := slices.IndexFunc(p.Costs, func(c Cost) bool { return c.Operation == part.Name })
	if i < 0 {
		i = len(p.Costs)
		p.Costs = append(p.Costs, Cost{Operation: part.Name})
	}
	c := &p.Costs[i]
	c.Each = append(c.Each, max(micros(float64(cpu))/float64(part.Operations), 0))
	if part.Latency != nil { // of the last round; they are beside the point
		c.P50Micros, c.P99Micros = part.Latency.P50, part.Latency.P99
	}
	c.PerSecond = part.PerSecond
}

// events measures a change that nobody follows, and one that many watchers follow; an event
// costs the difference, shared by the watchers.
func (g *growing) events(ctx context.Context, p *Point, idle float64) error {
	members, stride := min(perService, p.Instances), 1 // those of the first service
	if g.fleet.each == 0 {
		members, stride = max(min(perService, p.Instances/p.Services), 1), p.Services
	}
	quiet := &audience{r: g.run, each: make([]int32, g.run.o.Services), changes: make([]change, ring)}
	l := load{connections: 1, ops: 1, do: g.changing(quiet, members, stride)}
	if err := g.slice(ctx, p, costChange, l, idle); err != nil {
		return err
	}
	cost := p.last(costChange)
	g.run.o.Watchers = growthWatchers
	a, err := g.openWatchers(ctx, 1)
	if err != nil {
		return err
	}
	defer a.close()
	told := Point{}
	l.do = g.changing(a, members, stride)
	if err := g.slice(ctx, &told, costEvent, l, idle); err != nil {
		return err
	}
	a.settle(ctx)
	seen := g.seen()
	if seen.Whole < seen.Changes || seen.Deliveries == 0 {
		return fmt.Errorf("%w: %d of %d changes reached all watchers", ErrFailed, seen.Whole, seen.Changes)
	}
	whole := told.Costs[0].Each[0] - cost
	part := Part{Name: costEvent, Operations: seen.Changes, Latency: seen.All}
	each := float64(seen.Deliveries) / float64(seen.Changes)
	p.note(part, time.Duration(whole/each*float64(seen.Changes)*float64(time.Microsecond)))
	return nil
}

// last gives the cost of an operation in the last round.
func (p *Point) last(name string) float64 {
	for _, c := range p.Costs {
		if c.Operation == name {
			return c.Each[len(c.Each)-1]
		}
	}
	return 0
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}
