package bench

import "slices"

// Figures are the medians of a server's slices in one case. Micros are microseconds.
type Figures struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	CPUMicros         float64 `json:"cpuMicros"`
	BackendCPUMicros  float64 `json:"backendCpuMicros"`
	LoadCPUMicros     float64 `json:"loadCpuMicros"`
	P50Micros         float64 `json:"p50Micros"`
	P99Micros         float64 `json:"p99Micros"`
}

// Row compares two servers in one case over one protocol, or tells of Roster alone.
type Row struct {
	Case      string  `json:"case"`
	Backend   string  `json:"backend"`
	Protocol  string  `json:"protocol"`
	Against   string  `json:"against,omitempty"` // the other server; empty: there is none
	BodyBytes int     `json:"bodyBytes"`         // of an answer of Roster, the mean
	Items     int     `json:"items,omitzero"`    // of a batch, which is one request
	Other     Figures `json:"other,omitzero"`
	Roster    Figures `json:"roster"`
	// RatioRequests is Roster's requests a second over the other server's: the median of
	// the ratios within each round. More is better.
	RatioRequests float64 `json:"ratioRequests,omitzero"`
	// RatioCPU is Roster's CPU time a request over the other server's, likewise, without
	// what a backend spends. Less is better. 0 where the other is no HTTP server.
	RatioCPU  float64 `json:"ratioCpu,omitzero"`
	Goal      float64 `json:"goal,omitempty"` // for RatioRequests
	Met       bool    `json:"met"`            // false without a goal
	Rounds    int     `json:"rounds"`         // that count
	Discarded int     `json:"discarded"`      // rounds thrown away because something disturbed them
	// Disturbed says that no round was undisturbed, and so all of them count.
	Disturbed bool `json:"disturbed"`
}

// round is the slices of a round; other is nil where nothing is compared.
type round struct{ other, roster *Slice }

// summarise makes a row for each case, backend and protocol, in the order in which they
// were measured. A round that lacks a slice does not count.
func summarise(all []Slice) []Row {
	type group struct{ name, backend, protocol string }
	var order []group
	rounds := map[group]map[int]*round{}
	for i := range all {
		s := &all[i]
		g := group{s.Case, s.Backend, s.Protocol}
		if rounds[g] == nil {
			rounds[g] = map[int]*round{}
			order = append(order, g)
		}
		r := rounds[g][s.Round]
		if r == nil {
			r = &round{}
			rounds[g][s.Round] = r
		}
		if s.Server == ServerRoster {
			r.roster = s
		} else {
			r.other = s
		}
	}
	var rows []Row
	for _, g := range order {
		row, ok := compare(rounds[g])
		if !ok {
			continue
		}
		row.Case, row.Backend, row.Protocol = g.name, g.backend, g.protocol
		if c, ok := findCase(g.backend, g.name); ok {
			row.Goal = c.Goal
		}
		if row.Against == serverAlone(g.backend) {
			row.RatioCPU = 0 // a database's time is not to be compared with Roster's
		}
		row.Met = row.Goal > 0 && row.RatioRequests >= row.Goal
		rows = append(rows, row)
	}
	return rows
}

// complete tells whether a round has all slices, with something in them.
func (r *round) complete() bool {
	if r.roster == nil || r.roster.Requests == 0 {
		return false
	}
	return r.roster.Against == "" || r.other != nil && r.other.Requests > 0
}

// compare makes the figures of a row from its rounds.
func compare(rounds map[int]*round) (Row, bool) {
	var clean, disturbed []*round
	for _, r := range rounds {
		switch {
		case !r.complete():
		case r.roster.Discarded || r.other != nil && r.other.Discarded:
			disturbed = append(disturbed, r)
		default:
			clean = append(clean, r)
		}
	}
	row := Row{Discarded: len(disturbed)}
	if len(clean) == 0 {
		clean, row.Discarded, row.Disturbed = disturbed, 0, true
	}
	if len(clean) == 0 {
		return Row{}, false
	}
	one := clean[0].roster
	row.Rounds, row.Against, row.BodyBytes, row.Items = len(clean), one.Against, one.BodyBytes, one.Items
	row.Roster = figures(clean, func(r *round) *Slice { return r.roster })
	if row.Against == "" {
		return row, true
	}
	row.Other = figures(clean, func(r *round) *Slice { return r.other })
	row.RatioRequests = medianOf(clean, func(r *round) float64 { return r.roster.RequestsPerSecond / r.other.RequestsPerSecond })
	row.RatioCPU = medianOf(clean, func(r *round) float64 {
		if r.other.CPUMicros == 0 {
			return 0 // a slice too short for the kernel's clock
		}
		return r.roster.CPUMicros / r.other.CPUMicros
	})
	return row, true
}

func figures(rounds []*round, of func(*round) *Slice) Figures {
	return Figures{
		RequestsPerSecond: medianOf(rounds, func(r *round) float64 { return of(r).RequestsPerSecond }),
		CPUMicros:         medianOf(rounds, func(r *round) float64 { return of(r).CPUMicros }),
		BackendCPUMicros:  medianOf(rounds, func(r *round) float64 { return of(r).BackendCPUMicros }),
		LoadCPUMicros:     medianOf(rounds, func(r *round) float64 { return of(r).LoadCPUMicros }),
		P50Micros:         medianOf(rounds, func(r *round) float64 { return of(r).P50Micros }),
		P99Micros:         medianOf(rounds, func(r *round) float64 { return of(r).P99Micros }),
	}
}

func medianOf(rounds []*round, value func(*round) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = value(r)
	}
	return median(values)
}

// median gives the middle value, or the mean of the two in the middle; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
