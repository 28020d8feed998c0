package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/roster-sd/roster/internal/bench/machine"
)

// GrowthOptions says for which sizes of a registry the costs are measured.
type GrowthOptions struct {
	// Options has Targets, Metrics, HTTP and Name of a registry that runs. Without targets
	// one is started for the measurement with Binary, on loopback, in memory.
	Options
	Binary string

	Sizes    []int         // instances, from the least
	Services int           // over which they are spread; 0: one for every 100 instances
	Slice    time.Duration // for which an operation is measured
	Rounds   int           // slices of each operation; the median counts
	Dying    int           // instances that are registered and end at once
}

// perService is how many instances a service has where the number of services is not given.
const perService = 100

// What the measurement of growth works with.
const (
	growthTTL         = 20 * time.Minute // of those who stay: renewing them is to disturb nothing
	growthConnections = 4
	growthWatchers    = 100
	dyingTTL          = 5 * time.Second
)

// Validate is that of [Options] for what matters here.
func (o *GrowthOptions) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(o.Sizes) == 0 {
		bad("--sizes: want at least one")
	}
	for i, n := range o.Sizes {
		if n < 10 || n+o.Dying > MaxInstances {
			bad("--sizes %d: want 10 to %d", n, MaxInstances-o.Dying)
		}
		if i > 0 && n <= o.Sizes[i-1] {
			bad("--sizes %d: want more than the one before", n)
		}
	}
	if o.Services < 0 || o.Services > MaxServices || len(o.Sizes) > 0 && (o.Services > o.Sizes[0] || o.services(o.Sizes[len(o.Sizes)-1]) > MaxServices) {
		bad("--services %d: want 1 to %d, and no more than instances; or 0 for one for every %d of them", o.Services, MaxServices, perService)
	}
	if o.Slice < 10*time.Millisecond || o.Slice > time.Minute {
		bad("--slice %v: want 10ms to 1m", o.Slice)
	}
	if o.Rounds < 1 || o.Rounds > 100 {
		bad("--rounds %d: want 1 to 100", o.Rounds)
	}
	if o.Dying < 1 || o.Dying > 100_000 {
		bad("--dying %d: want 1 to 100000", o.Dying)
	}
	if len(errs) > 0 {
		return &optionsError{errors.Join(errs...)}
	}
	return nil
}

func (o *GrowthOptions) services(instances int) int {
	if o.Services > 0 {
		return o.Services
	}
	return max(instances/perService, 1)
}

// Growth is what operations cost by the size of the registry.
type Growth struct {
	Machine     machine.Machine  `json:"machine"`
	Server      machine.Settings `json:"server"`
	Own         bool             `json:"own"` // the registry was started for this, with the backend memory
	Services    int              `json:"services,omitzero"`
	SliceMillis int64            `json:"sliceMillis"`
	Rounds      int              `json:"rounds"`
	Connections int              `json:"connections"`
	Watchers    int              `json:"watchers"` // that an event is told to
	Dying       int              `json:"dying"`
	Points      []Point          `json:"points"`
}

// Point is one size.
type Point struct {
	Instances        int     `json:"instances"`
	Services         int     `json:"services"`
	ResidentBytes    float64 `json:"residentBytes,omitzero"` // of the server, after all was measured
	BytesPerInstance float64 `json:"bytesPerInstance,omitzero"`
	Costs            []Cost  `json:"costs"`
}

// Cost is what one operation takes: the median of the rounds.
type Cost struct {
	Operation string  `json:"operation"`
	CPUMicros float64 `json:"cpuMicros"` // of the server
	P50Micros float64 `json:"p50Micros"`
	P99Micros float64 `json:"p99Micros"`
	PerSecond float64 `json:"perSecond,omitzero"`
	// Each is the CPU time of every round.
	Each []float64 `json:"cpuMicrosEach"`
}

// The operations whose growth is measured, in the order of the plot.
const (
	costBatch    = "renewal in a batch"
	costRenewal  = "renewal"
	costResolve  = "resolve"
	costRegister = "register"
	costChange   = "change"
	costEvent    = "watch event"
	costEviction = "eviction"
)

// RunGrowth measures one size after the other. The result has the sizes that were measured,
// also where there is an error.
func RunGrowth(ctx context.Context, o GrowthOptions, progress Progress) (out *Growth, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var process *own
	if len(o.Targets) == 0 {
		if process, err = startOwn(ctx, o.Binary); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, process.stop()) }()
		o.Targets, o.Metrics = []Target{{Address: process.address}}, process.metrics
	}
	o.Operation, o.Connections, o.TTL, o.Duration = Mixed, growthConnections, growthTTL, o.Slice
	o.Batch = min(1000, o.Sizes[0]) // so that every size has whole batches
	largest := slices.Max(o.Sizes)
	o.Instances = largest
	services := o.Services
	o.Options.Services = o.services(largest)
	if err := o.Options.Validate(); err != nil {
		return nil, err
	}
	r := newRun(&o.Options, progress)
	if services == 0 {
		r.fleet.each = perService
	}
	g := &growing{run: r, o: &o, process: process}
	out = &Growth{
		Machine: machine.Read(), Own: process != nil, Services: services, SliceMillis: o.Slice.Milliseconds(), Rounds: o.Rounds,
		Connections: growthConnections, Watchers: growthWatchers, Dying: o.Dying,
	}
	err = r.alive(ctx, process == nil, func(ctx context.Context) error {
		from := 0
		for _, n := range o.Sizes {
			if err := r.enlist(ctx, from, n); err != nil {
				return err
			}
			from = n
			p, err := g.point(ctx, n)
			if err != nil {
				return err
			}
			out.Points = append(out.Points, p)
		}
		return nil
	})
	if text := r.scrape(context.WithoutCancel(ctx)); text != nil && len(out.Points) > 0 {
		out.Server.Take(text.text)
	}
	return out, err
}
