package catalog

import (
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
func (f *Filter) Match(r *store.Packed) bool {
	if f.Version != "" && f.Version != r.Version() || f.Env != "" && f.Env != r.Env() ||
		f.Zone != "" && f.Zone != r.Zone() || f.Role != "" && f.Role != r.Role() ||
		f.Status != "" && f.Status != r.State() {
		return false
	}
	for _, tag := range f.Tags {
		if !r.HasTag(tag) {
			return false
		}
	}
	for _, want := range f.Metadata {
		if got, ok := r.Value(want.Key); !ok || got != want.Value {
			return false
		}
	}
	return true
}
