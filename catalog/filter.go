package catalog

import (
	"slices"

	"github.com/roster-sd/roster/store"
)

// Filter chooses instances by equality; all that is set must hold. The zero value
// chooses all.
type Filter struct {
	Version, Env, Zone, Role, Status string
	Tags                             []string
	Metadata                         []store.Pair
}

// IsZero tells whether the filter chooses all.
func (f *Filter) IsZero() bool {
	return f.Version == "" && f.Env == "" && f.Zone == "" && f.Role == "" && f.Status == "" &&
		len(f.Tags) == 0 && len(f.Metadata) == 0
}

// hash tells filters apart, well enough to spread them.
func (f *Filter) hash() uint64 {
	h := hashID(f.Version)
	for _, s := range [...]string{f.Env, f.Zone, f.Role, f.Status} {
		h = mix(h*31 ^ hashID(s))
	}
	for _, tag := range f.Tags {
		h = mix(h*31 ^ hashID(tag))
	}
	for _, p := range f.Metadata {
		h = mix(h*31 ^ hashID(p.Key) ^ hashID(p.Value)*7)
	}
	return h
}

// Match tells whether the filter chooses the instance.
func (f *Filter) Match(in *store.Instance) bool {
	if f.Version != "" && f.Version != in.Version || f.Env != "" && f.Env != in.Env ||
		f.Zone != "" && f.Zone != in.Zone || f.Role != "" && f.Role != in.Role ||
		f.Status != "" && f.Status != in.State() {
		return false
	}
	for _, tag := range f.Tags {
		if !slices.Contains(in.Tags, tag) {
			return false
		}
	}
	for _, want := range f.Metadata {
		if got, ok := in.Value(want.Key); !ok || got != want.Value {
			return false
		}
	}
	return true
}
