package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// stage is the servers that the cases of a backend need over a protocol.
type stage struct {
	*runner
	backend, protocol string
	certs             *Certificates // nil: plain HTTP

	roster, memory, bare *Server // nil: no case needs it
	fleet, memoryFleet   *Fleet
	behind, alone        *Backend // of roster, and by itself
	stops                []func() error
}

// stage starts servers, measures the cases of a backend over a protocol, and stops them.
func (r *runner) stage(ctx context.Context, backend, protocol string) (err error) {
	cases := r.options.cases(backend, protocol)
	if len(cases) == 0 {
		return nil
	}
	s := &stage{runner: r, backend: backend, protocol: protocol}
	defer func() { err = errors.Join(err, s.stop()) }()
	if s.certs, err = r.certificates(protocol); err != nil {
		return err
	}
	if err := s.start(ctx, cases); err != nil {
		return err
	}
	contests, err := s.prepare(ctx, cases)
	if err != nil {
		return err
	}
	for _, server := range []*Server{s.bare, s.roster, s.memory} {
		if server != nil {
			r.report.Servers = append(r.report.Servers, server.Settings)
		}
	}
	for _, c := range contests {
		if err := r.play(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// certificates gives those of a protocol, nil for plain HTTP.
func (r *runner) certificates(protocol string) (*Certificates, error) {
	if protocol != ProtocolMTLS {
		return nil, nil
	}
	var err error
	if r.certs == nil {
		r.certs, err = issueCertificates(r.dir)
	}
	return r.certs, err
}

// start starts the Rosters and the backends.
func (s *stage) start(ctx context.Context, cases []Case) (err error) {
	against := func(server string) bool {
		return slices.ContainsFunc(cases, func(c Case) bool { return c.Against == server })
	}
	u := setup{name: ServerRoster, dev: s.backend == BackendMemory && s.certs == nil}
	if s.backend != BackendMemory {
		if s.behind, err = s.own(ctx, "behind"); err != nil {
			return err
		}
		u.backend = s.behind
	}
	if s.roster, err = s.node(ctx, "roster", u); err != nil {
		return err
	}
	if against(ServerMemory) {
		if s.memory, err = s.node(ctx, "memory", setup{name: ServerMemory}); err != nil {
			return err
		}
	}
	if against(serverAlone(s.backend)) {
		s.alone, err = s.own(ctx, "alone")
	}
	return err
}

// own starts a backend for this stage.
func (s *stage) own(ctx context.Context, what string) (*Backend, error) {
	b, err := s.startBackend(ctx, s.backend, filepath.Join(s.data, fmt.Sprintf("%s-%s-%s", s.backend, s.protocol, what)))
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, b.Stop)
	return b, nil
}

// node starts a Roster for this stage.
func (s *stage) node(ctx context.Context, what string, u setup) (*Server, error) {
	u.certs, u.dir = s.certs, filepath.Join(s.dir, fmt.Sprintf("%s-%s-%s", s.backend, s.protocol, what))
	if err := os.Mkdir(u.dir, 0o700); err != nil {
		return nil, err
	}
	server, err := startRoster(ctx, s.bin.roster, u)
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, server.Stop)
	return server, nil
}

// stop stops what was started, the last first.
func (s *stage) stop() error {
	var errs []error
	for _, stop := range slices.Backward(s.stops) {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}

// prepare registers the instances, learns the size of the answers of each case, and starts
// the bare server, which is to give as long ones.
func (s *stage) prepare(ctx context.Context, cases []Case) (contests []*contest, err error) {
	if s.fleet, err = Enlist(ctx, s.roster.API, cases); err != nil {
		return nil, err
	}
	s.progress.printf("%s, %s: registered %d instances\n", s.backend, s.protocol, s.fleet.Size())
	if s.memory != nil {
		if s.memoryFleet, err = Enlist(ctx, s.memory.API, cases); err != nil {
			return nil, err
		}
	}
	var sizes []int
	for i := range cases {
		c, err := s.contest(ctx, &cases[i])
		if err != nil {
			return nil, err
		}
		contests = append(contests, c)
		sizes = append(sizes, c.label.BodyBytes)
	}
	if slices.ContainsFunc(cases, func(c Case) bool { return c.Against == ServerBare }) {
		if err := s.startBare(ctx, sizes); err != nil {
			return nil, err
		}
	}
	for _, c := range contests {
		if c.label.Against == ServerBare {
			c.sides[0].target = s.bare.Target
		}
	}
	return contests, nil
}

// contest makes the contest of a case, whose other server comes first. The bare server,
// which does not run yet, is left out.
func (s *stage) contest(ctx context.Context, c *Case) (*contest, error) {
	load, size, err := calibrate(ctx, s.roster.Target, c, s.fleet)
	if err != nil {
		return nil, err
	}
	var other side
	switch c.Against {
	case ServerBare:
		other.load = &Load{Requests: c.bareRequests(s.roster.Target.Address, size, s.fleet), MinBody: size, MaxBody: size}
	case ServerMemory:
		other.target = s.memory.Target
		if other.load, _, err = calibrate(ctx, other.target, c, s.memoryFleet); err != nil {
			return nil, err
		}
	default:
		if other, err = s.writes(ctx); err != nil {
			return nil, err
		}
	}
	return &contest{
		label: Slice{Case: c.Name, Backend: s.backend, Protocol: s.protocol, Against: c.Against, BodyBytes: size},
		sides: []side{other, {target: s.roster.Target, load: load}},
		renew: s.renew,
	}, nil
}

// writes is the side of the backend that runs by itself, whose values are as long as what
// Roster made of the first registration.
func (s *stage) writes(ctx context.Context) (side, error) {
	size, err := s.behind.stored(ctx, registerID(1))
	if err != nil {
		return side{}, err
	}
	load, what := s.alone.writes(cmp.Or(size, recordSize))
	i := slices.IndexFunc(s.report.Backends, func(a About) bool { return a.Backend == s.backend })
	s.report.Backends[i].Write = what
	return side{target: s.alone.target(), load: load, tidy: s.alone.tidy}, nil
}

// renew renews the fleets if it is time.
func (s *stage) renew(ctx context.Context) error {
	if s.memoryFleet != nil {
		if err := s.memoryFleet.RenewIfDue(ctx); err != nil {
			return err
		}
	}
	return s.fleet.RenewIfDue(ctx)
}

func (s *stage) startBare(ctx context.Context, sizes []int) (err error) {
	dir := filepath.Join(s.dir, fmt.Sprintf("%s-%s-bare", s.backend, s.protocol))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if s.bare, err = startBare(ctx, dir, s.bin.bare, sizes, s.certs); err != nil {
		return err
	}
	s.stops = append(s.stops, s.bare.Stop)
	return nil
}
