package share

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// Options are the options of a runner. Catalog, Probe and Report are required.
type Options struct {
	Catalog *catalog.Catalog
	// Seat is this node's; nil where the backend has no other node.
	Seat *Seat
	// Probe looks at a target once.
	Probe func(context.Context, check.Target) error
	// Report takes what was found to the registry.
	Report func(context.Context, registry.Finding) (changed bool, err error)
	// Networks gives where the instances of a service may be checked that an identity
	// registered, if that is limited. It is asked before each check; nil: it is never limited.
	Networks func(identity, service string) (networks []netip.Prefix, limited bool)
	// Observe, where it is given, is told of each check: how it ended, how long it took, and how
	// long after its time it began.
	Observe    func(err error, took, late time.Duration)
	Workers    int          // checks that are under way at once; 0: what package check thinks right
	PerAddress int          // checks a second of one address; 0 the same
	Logger     *slog.Logger // nil: none
}

// Runner checks the instances that are this node's, and reports what it finds.
type Runner struct {
	opts     Options
	log      *slog.Logger
	schedule *check.Schedule
	doubt    *doubt
	began    time.Time
	stats    stats

	mu     sync.Mutex
	known  map[store.Key]*subject // the instances that ask for a check
	view   View
	circle circle
	unsure bool           // what was last said of the doubt
	spares map[string]int // instances that are spared, by service
	held   time.Time      // when a failure was last held back; zero: long ago
}

// subject is an instance that asks for a check.
type subject struct {
	rec      *store.Record
	mine     bool // this node checks it
	found    found
	withheld bool // a failure was not reported for a doubt
	markedAt int  // how many checks in a row had failed when this node marked it; 0: another did
	spared   bool // it is not removed, because nearly all of its service fail
}

// found is what the schedule last said of a subject.
type found uint8

const (
	nothing found = iota
	passing
	failing
)

// stats count what was reported.
type stats struct {
	passing, failing, evicted, failed atomic.Uint64
	broken                            atomic.Bool // the last report failed
}

// Status is what a runner is about, for metrics and readiness.
type Status struct {
	Targets  int // instances that this node checks
	Nodes    int // nodes that share the checks, this one among them; 0: this node is not there
	Withheld int // failures that are not reported for the doubt
	Spared   int // instances that asked to be removed and are kept, because nearly all of their service fail
	// Doubting: more than half of the checks of this node fail at once; Failing of Checked
	// did in the last half minute.
	Doubting         bool
	Failing, Checked int
	// What was written: instances that pass, that fail, that were removed; and attempts that failed.
	Passed, Failed, Evicted, Unwritten uint64
}

// New gives a runner, which does nothing until it runs.
func New(opts Options) *Runner {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Runner{opts: opts, log: opts.Logger, doubt: newDoubt(), began: time.Now(), known: map[store.Key]*subject{}, spares: map[string]int{}}
	if opts.Seat == nil {
		r.view = View{Nodes: []string{"self"}, Self: "self"}
		r.circle = circleOf(r.view.Nodes)
	}
	r.schedule = check.NewSchedule(check.ScheduleOptions{Probe: r.probe, Report: r.report, Observe: r.observe,
		Workers: opts.Workers, PerAddress: opts.PerAddress})
	return r
}

// Run checks until the context ends or the store is closed, which are the only errors it
// gives. It is called once.
func (r *Runner) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.schedule.Run(ctx) })
	group.Go(func() error { return r.follow(ctx) })
	if r.opts.Seat != nil {
		group.Go(func() error { return r.opts.Seat.Run(ctx) })
	}
	return group.Wait()
}

// Status tells how it stands.
func (r *Runner) Status() Status {
	s := Status{Targets: r.schedule.Len(),
		Passed: r.stats.passing.Load(), Failed: r.stats.failing.Load(), Evicted: r.stats.evicted.Load(), Unwritten: r.stats.failed.Load()}
	s.Doubting, s.Failing, s.Checked = r.Doubts()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Nodes = len(r.view.Nodes)
	for _, sub := range r.known {
		if sub.withheld {
			s.Withheld++
		}
	}
	for _, n := range r.spares {
		s.Spared += n
	}
	return s
}

// Doubts tells whether this node doubts itself, and how many of those that it has looked at lately
// fail. It costs less than Status.
func (r *Runner) Doubts() (doubting bool, failing, checked int) {
	doubting = r.doubting(context.Background())
	failing, checked = r.doubt.failing(r.now())
	return doubting, failing, checked
}

// now is the clock of the doubt.
func (r *Runner) now() time.Duration { return time.Since(r.began) }

// doubting tells whether this node doubts itself, and says so once.
func (r *Runner) doubting(ctx context.Context) bool {
	is, since, _ := r.doubt.look(r.now())
	r.mu.Lock()
	turned := is != r.unsure
	r.unsure = is
	r.mu.Unlock()
	if !turned {
		return is
	}
	failed, all := r.doubt.failing(r.now())
	if is {
		r.log.LogAttrs(ctx, slog.LevelWarn, "checks: too many fail at once, so it may be this node that is cut off; no failure is reported until they pass again",
			slog.Int("failing", failed), slog.Int("checked", all))
	} else {
		r.log.LogAttrs(ctx, slog.LevelInfo, "checks: failures are reported again", slog.Int("failing", failed), slog.Int("checked", all),
			slog.String("after", (r.now()-since).Round(time.Second).String()))
	}
	return is
}

// probe looks at a target in the networks in which it may be looked at now.
func (r *Runner) probe(ctx context.Context, t check.Target) error {
	if r.opts.Networks != nil {
		if networks, limited := r.opts.Networks(t.Owner, t.Key.Service); limited {
			t.Networks = append([]netip.Prefix{}, networks...) // of none, not nil
		}
	}
	return r.opts.Probe(ctx, t)
}
