package bench

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func (r *node) growth() GrowthOptions {
	return GrowthOptions{Options: r.options(Mixed), Sizes: []int{20, 40}, Slice: 30 * time.Millisecond, Rounds: 1, Dying: 20}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	r := plain(t)
	for _, services := range []int{0, 4} {
		o := r.growth()
		if o.Services = services; services > 0 {
			o.Sizes = o.Sizes[1:]
		}
		got, err := RunGrowth(within(t), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Points) != len(o.Sizes) || got.Own || got.Server.GOGC == "" {
			t.Fatalf("%+v", got)
		}
		for _, p := range got.Points {
			var names []string
			for _, c := range p.Costs {
				names = append(names, c.Operation)
				if len(c.Each) != 1 || c.P99Micros < c.P50Micros {
					t.Errorf("%+v", c)
				}
			}
			if want := []string{costBatch, costRenewal, costResolve, costChange, costEvent, costRegister, costEviction}; !slices.Equal(names, want) {
				t.Errorf("costs of %v, want %v", names, want)
			}
			if p.ResidentBytes == 0 {
				t.Errorf("no memory: %+v", p)
			}
		}
		r.empty()
	}
}

func TestGrowthOptions(t *testing.T) {
	t.Parallel()
	r := &node{target: Target{Address: "h:1"}}
	good := r.growth()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*GrowthOptions){
		"--sizes: want at least": func(o *GrowthOptions) { o.Sizes = nil },
		"--sizes 1":              func(o *GrowthOptions) { o.Sizes = []int{1} },
		"more than the one":      func(o *GrowthOptions) { o.Sizes = []int{20, 20} },
		"--sizes 9999999":        func(o *GrowthOptions) { o.Sizes = []int{20, 9_999_999} },
		"--services 21":          func(o *GrowthOptions) { o.Services = 21 },
		"--slice":                func(o *GrowthOptions) { o.Slice = 0 },
		"--rounds":               func(o *GrowthOptions) { o.Rounds = 0 },
		"--dying":                func(o *GrowthOptions) { o.Dying = 0 },
	} {
		o := good
		change(&o)
		if _, err := RunGrowth(t.Context(), o, nil); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
