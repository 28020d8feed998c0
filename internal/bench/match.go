package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// match drives the two servers in turn over one protocol.
type match struct {
	*runner
	protocol     string
	roster, bare *Server
	fleet        *Fleet
	renewed      time.Time
	cases        []prepared
}

// prepared is a case with the load for Roster and the size of its answers.
type prepared struct {
	Case
	load Load
	size int // bytes
}

// prepare registers the instances and learns the size of Roster's answers in each case.
func (m *match) prepare(ctx context.Context) (sizes []int, err error) {
	var cases []Case
	for _, name := range m.options.Cases {
		c, err := findCase(name)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	if m.fleet, err = Enlist(ctx, m.roster.API, cases); err != nil {
		return nil, err
	}
	m.renewed = time.Now()
	m.progress.printf("%s: registered %d instances\n", m.protocol, m.fleet.Size())
	for _, c := range cases {
		load, size, err := calibrate(ctx, m.roster.Target, &c, m.fleet)
		if err != nil {
			return nil, err
		}
		m.cases = append(m.cases, prepared{c, load, size})
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// errLoad says that requests of the load failed: what was measured then means nothing.
var errLoad = errors.New("requests failed")

// attempts is how many rounds are measured at the most for each one wanted.
const attempts = 3

// play measures a case until enough rounds were undisturbed, or too many were measured.
// The order of the servers changes with each round.
func (m *match) play(ctx context.Context, c *prepared) error {
	bareLoad := Load{Requests: c.bareRequests(m.bare.Target.Address, c.size, m.fleet), MinBody: c.size, MaxBody: c.size}
	sides := []struct {
		target Target
		load   *Load
	}{{m.bare.Target, &bareLoad}, {m.roster.Target, &c.load}}

	for n, clean := 1, 0; clean < m.options.Rounds && n <= attempts*m.options.Rounds; n++ {
		if err := m.renew(ctx); err != nil {
			return err
		}
		if calm, err := awaitCalm(ctx, m.options.Calm, m.options.Disturbance); err != nil {
			return err
		} else if !calm {
			m.progress.printf("the machine is busy, and %v did not change that\n", m.options.Calm)
		}
		first := len(m.report.Slices)
		for i := range sides {
			side := sides[(i+n+1)%2]
			slice, err := Measure(ctx, side.target, side.load, m.options.Connections, m.options.Slice)
			if err != nil {
				return fmt.Errorf("case %s: %w", c.Name, err)
			}
			slice.Case, slice.Protocol, slice.Round, slice.BodyBytes = c.Name, m.protocol, n, c.size
			slice.Disturbed = m.options.disturbed(slice)
			m.report.Slices = append(m.report.Slices, slice)
			m.tell(slice)
			if slice.Errors > 0 {
				return fmt.Errorf("case %s, %s: %w: %d, the first: %s", c.Name, slice.Server, errLoad, slice.Errors, slice.FirstError)
			}
		}
		if !settle(m.report.Slices[first:]) {
			clean++
		}
	}
	return nil
}

// settle discards both slices of a round if either was disturbed, and tells whether it did.
func settle(round []Slice) bool {
	discard := round[0].Disturbed || round[1].Disturbed
	round[0].Discarded, round[1].Discarded = discard, discard
	return discard
}

// renewEvery is how old a fleet's last renewal may be when a round begins.
const renewEvery = 2 * time.Minute

// renew renews the fleet if it is time.
func (m *match) renew(ctx context.Context) error {
	if time.Since(m.renewed) < renewEvery {
		return nil
	}
	m.renewed = time.Now()
	return m.fleet.Renew(ctx)
}

// disturbed tells whether others took too much of the machine in the slice.
func (o *Options) disturbed(s Slice) bool {
	length := time.Duration(s.Seconds * float64(time.Second))
	return s.StealPercent+s.OthersPercent > max(o.Disturbance, noiseFloor(length))
}

// noiseFloor is the share of the machine's CPU, in per cent, that means nothing in a
// time of that length: the kernel counts in ticks, and a few of them are no sign.
func noiseFloor(length time.Duration) float64 {
	const noise = 4 * tick
	return 100 * float64(noise) / float64(max(length, tick)) / float64(runtime.NumCPU())
}

func (m *match) tell(s Slice) {
	note := ""
	if s.Disturbed {
		note = fmt.Sprintf("  disturbed: others %.0f %%, steal %.0f %%", s.OthersPercent, s.StealPercent)
	}
	m.progress.printf("%-4s  %-21s  round %d  %-8s  %8s req/s  %6.1f µs CPU  p99 %s µs%s\n",
		s.Protocol, s.Case, s.Round, s.Server, grouped(s.RequestsPerSecond), s.CPUMicros, grouped(s.P99Micros), note)
}
