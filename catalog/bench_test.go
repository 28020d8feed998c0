package catalog

import (
	"fmt"
	"testing"

	"github.com/roster-sd/roster/store"
)

var sizes = []int{1, 100, 100_000}

// filled gives a catalog that has loaded one service of n instances, as it is between two
// batches of the feed, and an event that changes one of them.
func filled(b *testing.B, n int) (*Catalog, []*store.Record) {
	b.Helper()
	c := New(Options{Encode: encode})
	records := make([]*store.Record, n)
	for i := range records {
		rec := record("orders", fmt.Sprintf("orders-%08x", i*0x9E3779B1&0xFFFFFFFF), version("1.2.3"), tagged("blue"), meta("team", "a"))
		rec.Revision, rec.Changed = store.Revision{Epoch: 1, Number: uint64(i + 1)}, uint64(i+1)
		rec.RegisteredAt = store.Millis(i)
		records[i] = &rec
	}
	c.load(store.Snapshot{Revision: store.Revision{Epoch: 1, Number: uint64(n)}, Records: records}, nil, nil)
	return c, records
}

func each(b *testing.B, run func(b *testing.B, n int)) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			run(b, n)
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, tc := range []struct {
		name   string
		choice Choice
	}{
		{"round_robin", Choice{}},
		{"random", Choice{Strategy: Random}},
		{"weighted", Choice{Strategy: Weighted}},
		{"recent", Choice{Strategy: Recent}},
		{"hash", Choice{Strategy: Hash, Key: "user-4711"}},
		{"filtered", Choice{Filter: Filter{Version: "1.2.3"}}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			each(b, func(b *testing.B, n int) {
				c, _ := filled(b, n)
				for b.Loop() {
					if !c.Resolve("orders", tc.choice).Found {
						b.Fatal("nothing found")
					}
				}
			})
		})
	}
}

func BenchmarkResolveParallel(b *testing.B) {
	c, _ := filled(b, 100)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Resolve("orders", Choice{})
		}
	})
}

func BenchmarkFind(b *testing.B) {
	each(b, func(b *testing.B, n int) {
		c, records := filled(b, n)
		i := 0
		for b.Loop() {
			if h, ok := c.Find("orders", records[i].Key.ID); !ok {
				b.Fatal("not found")
			} else {
				h.Heard(store.Millis(n))
			}
			if i++; i == n {
				i = 0
			}
		}
	})
}

// BenchmarkService is taking the view; BenchmarkServiceBody is writing it out.
func BenchmarkService(b *testing.B) {
	each(b, func(b *testing.B, n int) {
		c, _ := filled(b, n)
		for b.Loop() {
			if c.Service("orders").Len() != n {
				b.Fatal("not all")
			}
		}
	})
}

func BenchmarkServiceBody(b *testing.B) {
	each(b, func(b *testing.B, n int) {
		c, _ := filled(b, n)
		var buf []byte
		for b.Loop() {
			buf = buf[:0]
			for item := range c.Service("orders").Items("") {
				buf = item.AppendJSON(buf)
			}
		}
		b.ReportMetric(float64(len(buf))/float64(n), "B/instance")
	})
}

// BenchmarkApply is one change of one instance, encoding included, without followers.
func BenchmarkApply(b *testing.B) {
	for _, tc := range []struct {
		name    string
		between func(*Catalog) // between two changes
	}{
		{"alone", func(*Catalog) {}},
		// Each view that is taken makes the next change copy a path of the tree.
		{"with a view taken before each", func(c *Catalog) { c.Service("orders") }},
	} {
		b.Run(tc.name, func(b *testing.B) {
			each(b, func(b *testing.B, n int) {
				c, records := filled(b, n)
				rev := c.Revision()
				i := 0
				for b.Loop() {
					tc.between(c)
					rev.Number++
					next := *records[i]
					next.Revision, next.Changed = rev, rev.Number
					next.Instance.Weight++
					c.apply(store.Batch{Revision: rev, Events: []store.Event{{Revision: rev, Record: &next, Before: records[i]}}})
					records[i] = &next
					if i += 7919; i >= n {
						i %= n
					}
				}
				if err := audit(c, store.Snapshot{Records: records}); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkApplyPair is one instance that leaves and another that comes.
func BenchmarkApplyPair(b *testing.B) {
	each(b, func(b *testing.B, n int) {
		c, records := filled(b, n)
		rev := c.Revision()
		i := 0
		for b.Loop() {
			old := records[i]
			rev.Number++
			c.apply(store.Batch{Revision: rev, Events: []store.Event{{Revision: rev, Before: old, Reason: store.Reason{Code: store.Deregistered}}}})
			rev.Number++
			next := *old
			next.Revision, next.Changed = rev, rev.Number
			c.apply(store.Batch{Revision: rev, Events: []store.Event{{Revision: rev, Record: &next}}})
			records[i] = &next
			if i += 7919; i >= n {
				i %= n
			}
		}
	})
}

// BenchmarkDeliver is one change to n followers of its service.
func BenchmarkDeliver(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			c, records := filled(b, 100)
			subs := make([]*Subscription, n)
			for i := range subs {
				subs[i] = c.Follow([]string{"orders"})
			}
			rev := c.Revision()
			for b.Loop() {
				rev.Number++
				next := *records[0]
				next.Revision, next.Changed = rev, rev.Number
				c.apply(store.Batch{Revision: rev, Events: []store.Event{{Revision: rev, Record: &next, Before: records[0]}}})
				records[0] = &next
				for _, s := range subs {
					if changes, err := s.Take(); len(changes) != 1 || err != nil {
						b.Fatal(changes, err)
					}
				}
			}
		})
	}
}
