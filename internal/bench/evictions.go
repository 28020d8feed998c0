package bench

// Eviction is what the waves of a backend tell together.
type Eviction struct {
	Backend   string `json:"backend"`
	Protocol  string `json:"protocol"`
	Instances int    `json:"instances"` // that stay
	Dying     int    `json:"dying"`     // in each wave
	Early     int    `json:"early"`     // in all waves
	// WindowMillis, P50Millis and P99Millis are medians of the waves that count,
	// MaxMillis is the most of them all.
	WindowMillis float64 `json:"windowMillis"`
	P50Millis    float64 `json:"p50Millis"`
	P99Millis    float64 `json:"p99Millis"`
	MaxMillis    float64 `json:"maxMillis"`
	GoalMillis   float64 `json:"goalMillis,omitempty"` // for P99Millis
	Met          bool    `json:"met"`                  // false without a goal
	Waves        int     `json:"waves"`                // that count
	Discarded    int     `json:"discarded"`            // thrown away because something disturbed them
	// Disturbed says that no wave was undisturbed, and so all of them count.
	Disturbed bool `json:"disturbed"`
}

// summariseWaves makes one of them for each backend, in the order in which they were
// measured.
func summariseWaves(all []Wave) []Eviction {
	var out []Eviction
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].Backend == all[from].Backend && all[to].Protocol == all[from].Protocol {
			to++
		}
		out = append(out, summariseBackend(all[from:to]))
		from = to
	}
	return out
}

func summariseBackend(waves []Wave) Eviction {
	one := &waves[0]
	e := Eviction{Backend: one.Backend, Protocol: one.Protocol, Instances: one.Instances, Dying: one.Dying}
	var clean []Wave
	for _, w := range waves {
		e.Early += w.Early
		if !w.Disturbed {
			clean = append(clean, w)
		}
	}
	e.Discarded = len(waves) - len(clean)
	if len(clean) == 0 {
		clean, e.Discarded, e.Disturbed = waves, 0, true
	}
	e.Waves = len(clean)
	values := func(of func(*Wave) float64) (out []float64) {
		for i := range clean {
			out = append(out, of(&clean[i]))
		}
		return out
	}
	e.WindowMillis = median(values(func(w *Wave) float64 { return w.WindowMillis }))
	e.P50Millis = median(values(func(w *Wave) float64 { return w.P50Millis }))
	e.P99Millis = median(values(func(w *Wave) float64 { return w.P99Millis }))
	e.MaxMillis = most(values(func(w *Wave) float64 { return w.MaxMillis }))
	e.GoalMillis = millis(evictionGoals[e.Backend])
	e.Met = e.GoalMillis > 0 && e.P99Millis <= e.GoalMillis && e.Early == 0
	return e
}
