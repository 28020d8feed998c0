package memory

import "github.com/roster-sd/roster/store"

// share makes rec, which nobody else has yet, use the strings of the bucket where they
// are the same as those of the record placed before it. The instances of a service mostly
// differ in ID and address only, and each came from a request with strings of its own.
func (b *bucket) share(rec *store.Record) {
	rec.Key.Kind, rec.Key.Service = b.at.kind, b.at.service
	if s := b.sample; s != nil {
		same(&rec.Owner, s.Owner)
		in, of := &rec.Instance, &s.Instance
		same(&in.Protocol, of.Protocol)
		same(&in.Version, of.Version)
		same(&in.Env, of.Env)
		same(&in.Zone, of.Zone)
		same(&in.Role, of.Role)
		same(&in.Status, of.Status)
		same(&in.Health, of.Health)
	}
	b.sample = rec
}

func same(s *string, as string) {
	if *s == as {
		*s = as
	}
}
