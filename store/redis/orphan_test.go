package redis

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

// Record, indexes, lease and deadline agree after all kinds of things have happened.
func TestNoOrphans(t *testing.T) {
	t.Parallel()
	f := onShared(t)
	other := f.node()
	together(4, 4, func(g int) {
		rng := rand.New(rand.NewPCG(uint64(g), 1))
		nodes := []fixture{f, other}
		refs := map[string]*store.Record{}
		for range 400 {
			s, id := nodes[rng.IntN(2)], fmt.Sprint(rng.IntN(30))
			rec := refs[id]
			switch what := rng.IntN(8); {
			case rec == nil || what < 2:
				ttl := time.Duration(rng.IntN(200)) * time.Millisecond
				if rng.IntN(3) == 0 {
					ttl = time.Hour
				}
				cond := store.Condition{Absent: rng.IntN(4) == 0}
				if rec != nil && rng.IntN(3) == 0 {
					cond = store.Condition{Absent: true, Generation: rec.Generation}
				}
				if got, err := s.Register(t.Context(), instance(id), store.Grant{TTL: ttl, If: cond}); err == nil {
					refs[id] = got
				}
			case what < 4:
				_, _ = s.Renew(t.Context(), []store.Ref{rec.Ref()})
			case what < 6:
				_, _ = s.Update(t.Context(), rec.Ref(), store.Reason{}, func(r *store.Record) error { r.Instance.PID++; return nil })
			case what == 6:
				_, _ = s.Deregister(t.Context(), rec.Ref(), store.Reason{})
			default:
				_, _ = s.Tombstones(t.Context(), rec.Key)
			}
		}
	})
	c := redistest.Dial(f.opts.Addresses[0])
	defer c.Close()
	f.eventually("all short leases are over and swept", func() bool {
		n, err := c.ZCount(t.Context(), "{"+f.opts.Prefix+"}:d", "-inf", fmt.Sprint(time.Now().Add(time.Second).UnixMilli())).Result()
		if err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
	orphans(t, c, "{"+f.opts.Prefix+"}:")
}

// orphans checks every key of a keyspace in which nothing happens.
func orphans(t *testing.T, c *driver.Client, p string) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := c.Keys(ctx, p+"*").Result()
	must(err)
	indexed, err := c.ZRange(ctx, p+"i", 0, -1).Result()
	must(err)
	due, err := c.ZRange(ctx, p+"d", 0, -1).Result()
	must(err)
	var records, leased, leases, held []string
	for _, key := range keys {
		switch kind := key[len(p) : len(p)+1]; kind {
		case "r":
			name := key[len(p)+2:]
			records = append(records, name)
			value, err := c.Get(ctx, key).Result()
			must(err)
			if lease := strings.Fields(value)[1]; lease != "-" {
				leased, held = append(leased, name), append(held, lease)
			}
		case "l":
			leases = append(leases, key[len(p)+2:])
			if ttl, err := c.PTTL(ctx, key).Result(); err != nil || ttl <= 0 {
				t.Errorf("the lease %s has the TTL %v, %v", key, ttl, err)
			}
		case "t":
			if ttl, err := c.PTTL(ctx, key).Result(); err != nil || ttl <= 0 || ttl > store.TombstoneAge {
				t.Errorf("the tombstones %s have the TTL %v, %v", key, ttl, err)
			}
			if n, err := c.LLen(ctx, key).Result(); err != nil || n > store.TombstonesPerKey {
				t.Errorf("%d tombstones in %s, %v", n, key, err)
			}
		}
	}
	for what, pair := range map[string][2][]string{
		"records and the index of names": {records, indexed},
		"leased records and deadlines":   {leased, due},
		"leases held and there":          {held, leases},
	} {
		slices.Sort(pair[0])
		slices.Sort(pair[1])
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("%s differ: %q, %q", what, pair[0], pair[1])
		}
	}
	t.Logf("%d keys, %d records, %d under a lease", len(keys), len(records), len(leased))
}
