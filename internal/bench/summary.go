package bench

import "slices"

// Figures are the medians of a server's slices in one case. Micros are microseconds.
type Figures struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	CPUMicros         float64 `json:"cpuMicros"`
	LoadCPUMicros     float64 `json:"loadCpuMicros"`
	P50Micros         float64 `json:"p50Micros"`
	P99Micros         float64 `json:"p99Micros"`
}

// Row compares the two servers in one case over one protocol.
type Row struct {
	Case      string  `json:"case"`
	Protocol  string  `json:"protocol"`
	BodyBytes int     `json:"bodyBytes"` // of an answer of either server, the mean
	Bare      Figures `json:"bare"`
	Roster    Figures `json:"roster"`
	// RatioRequests is Roster's requests a second over bare Gin's: the median of the
	// ratios within each round. More is better.
	RatioRequests float64 `json:"ratioRequests"`
	// RatioCPU is Roster's CPU time a request over bare Gin's, likewise. Less is better.
	RatioCPU  float64 `json:"ratioCpu"`
	Goal      float64 `json:"goal,omitempty"` // for RatioRequests
	Met       bool    `json:"met"`            // false without a goal
	Rounds    int     `json:"rounds"`         // that count
	Discarded int     `json:"discarded"`      // rounds thrown away because something disturbed them
	// Disturbed says that no round was undisturbed, and so all of them count.
	Disturbed bool `json:"disturbed"`
}

// round is the two slices of a round.
type round struct{ bare, roster *Slice }

// summarise makes a row for each case and protocol, in the order in which they were
// measured. A round that lacks a slice does not count.
func summarise(all []Slice) []Row {
	type group struct{ name, protocol string }
	var order []group
	rounds := map[group]map[int]*round{}
	for i := range all {
		s := &all[i]
		g := group{s.Case, s.Protocol}
		if rounds[g] == nil {
			rounds[g] = map[int]*round{}
			order = append(order, g)
		}
		r := rounds[g][s.Round]
		if r == nil {
			r = &round{}
			rounds[g][s.Round] = r
		}
		if s.Server == ServerBare {
			r.bare = s
		} else {
			r.roster = s
		}
	}
	var rows []Row
	for _, g := range order {
		if row, ok := compare(rounds[g]); ok {
			row.Case, row.Protocol = g.name, g.protocol
			if c, err := findCase(g.name); err == nil {
				row.Goal = c.Goal
			}
			row.Met = row.Goal > 0 && row.RatioRequests >= row.Goal
			rows = append(rows, row)
		}
	}
	return rows
}

// compare makes the figures of a row from its rounds.
func compare(rounds map[int]*round) (Row, bool) {
	var clean, disturbed []*round
	for _, r := range rounds {
		switch {
		case r.bare == nil || r.roster == nil || r.bare.Requests == 0 || r.roster.Requests == 0:
		case r.bare.Discarded || r.roster.Discarded:
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
	row.Rounds, row.BodyBytes = len(clean), clean[0].roster.BodyBytes
	row.Bare = figures(clean, func(r *round) *Slice { return r.bare })
	row.Roster = figures(clean, func(r *round) *Slice { return r.roster })
	row.RatioRequests = medianOf(clean, func(r *round) float64 { return r.roster.RequestsPerSecond / r.bare.RequestsPerSecond })
	row.RatioCPU = medianOf(clean, func(r *round) float64 {
		if r.bare.CPUMicros == 0 {
			return 0 // a slice too short for the kernel's clock
		}
		return r.roster.CPUMicros / r.bare.CPUMicros
	})
	return row, true
}

func figures(rounds []*round, of func(*round) *Slice) Figures {
	return Figures{
		RequestsPerSecond: medianOf(rounds, func(r *round) float64 { return of(r).RequestsPerSecond }),
		CPUMicros:         medianOf(rounds, func(r *round) float64 { return of(r).CPUMicros }),
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
