package memory

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/roster-sd/roster/store"
)

func TestRecordsOfAServiceShareTheirStrings(t *testing.T) {
	f := open(t, Options{})
	// own gives a record whose strings stand where no other's do.
	own := func(id, version string) store.Record {
		in := instance(id)
		in.Key.Service = strings.Clone(in.Key.Service)
		in.Owner = strings.Clone("spiffe://example.org/orders")
		in.Instance.Version = strings.Clone(version)
		return in
	}
	var recs []*store.Record
	for _, in := range []store.Record{own("a", "1.0"), own("b", "1.0"), own("c", "1.1")} {
		rec, err := f.Register(t.Context(), in, store.Grant{})
		if err != nil || rec.Owner != in.Owner || rec.Key != in.Key || !rec.Instance.Equal(&in.Instance) {
			t.Fatalf("Register = %+v, %v", rec, err)
		}
		recs = append(recs, rec)
	}
	one := func(a, b string) bool { return unsafe.StringData(a) == unsafe.StringData(b) }
	if a, b, c := recs[0], recs[1], recs[2]; !one(a.Owner, b.Owner) || !one(b.Owner, c.Owner) ||
		!one(a.Key.Service, c.Key.Service) || !one(a.Instance.Version, b.Instance.Version) {
		t.Error("equal strings are kept twice")
	}
}
