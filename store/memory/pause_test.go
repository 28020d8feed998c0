package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

func TestStoppedProcessEvictsNobodyWhoRenewsAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var heard []lease.Pause
		var logged bytes.Buffer
		f := open(t, Options{
			Logger: slog.New(slog.NewTextHandler(&logged, nil)),
			OnPause: func(p lease.Pause) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, p)
			},
		})
		const n, ttl = 1000, 10 * time.Second
		refs := make([]store.Ref, n)
		for i := range refs {
			refs[i] = f.register(fmt.Sprint(i), ttl).Ref()
			time.Sleep(ttl / 2 / n)
		}
		w := f.watch()
		f.m.stop(3 * time.Hour)
		for i := range refs { // each comes late, but within one TTL from the recovery
			time.Sleep(ttl/n - time.Microsecond)
			f.mustRenew(refs[i])
		}
		if got := len(f.list().Records); got != n || f.Leases() != n {
			t.Fatalf("%d records, %d leases; want %d", got, f.Leases(), n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for {
			b, err := w.Next(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range b.Events {
				if e.Reason.Code != store.Suspected || e.Record.Instance.Health != store.HealthSuspect ||
					e.Record.Changed != e.Revision.Number || e.Before.Instance.Health != store.HealthPassing {
					t.Fatalf("event %+v", e)
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(heard) != 1 || heard[0].Gap < 3*time.Hour || heard[0].Suspended {
			t.Errorf("OnPause heard %v", heard)
		}
		if strings.Count(logged.String(), "gap=3h") != 1 {
			t.Errorf("log: %s", &logged)
		}
	})
}

func TestHeldThenSilent(t *testing.T) {
	for name, lose := range map[string]func(*machine){
		"stopped":   func(m *machine) { m.stop(time.Hour) },
		"suspended": func(m *machine) { m.sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t, Options{})
				rec := f.register("a", 10*time.Second)
				known := instance("known") // marked already, so that there is nothing to tell
				known.Instance.Health = store.HealthSuspect
				if _, err := f.Register(t.Context(), known, store.Grant{TTL: 10 * time.Second}); err != nil {
					t.Fatal(err)
				}
				failing := instance("failing") // which is worse, and says more
				failing.Instance.Health = store.HealthFailing
				if _, err := f.Register(t.Context(), failing, store.Grant{TTL: 10 * time.Second}); err != nil {
					t.Fatal(err)
				}
				node, err := f.Register(t.Context(), store.Record{
					Key: store.Key{Kind: store.KindNode, Service: "roster", ID: "n1"},
				}, store.Grant{TTL: 10 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(8 * time.Second)
				synctest.Wait()
				w := f.watch()
				lose(f.m)
				recovery := time.Now()
				b := f.next(w)
				// A stop is noticed with the next pulse; what lies between is counted with it.
				after := time.Since(recovery)
				if tell(b.Events) != "[suspected a]" || after < 2*time.Second || after > 2*time.Second+lease.PulseEvery {
					t.Fatalf("after %v: %s; want the instance suspected at its own deadline", after, tell(b.Events))
				}
				if f.Held() != 4 || f.gets(failing.Key).Instance.Health != store.HealthFailing || f.gets(rec.Key).Instance.Health != store.HealthSuspect || !same(f.gets(node.Key), node) {
					t.Errorf("Held = %d, %+v", f.Held(), f.gets(rec.Key))
				}
				b = f.next(w)
				if after = time.Since(recovery); after < 10*time.Second || after > 10*time.Second+lease.PulseEvery {
					t.Errorf("the hold ended %v after the recovery, want one TTL", after)
				}
				if len(b.Events) != 4 || b.Events[0].Reason.Code != store.Expired || f.Held() != 0 {
					t.Errorf("%s, Held = %d", tell(b.Events), f.Held())
				}
			})
		})
	}
}

func TestHeldThenRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{})
		rec := f.register("a", 10*time.Second)
		time.Sleep(8 * time.Second)
		f.m.stop(time.Minute)
		time.Sleep(5 * time.Second)
		w := f.watch()
		suspect := f.gets(rec.Key)
		f.mustRenew(rec.Ref())
		if f.Held() != 0 || !same(f.gets(rec.Key), suspect) {
			t.Error("a renewal ends the hold, and changes no record")
		}
		_, err := f.Update(t.Context(), rec.Ref(), store.Reason{Code: store.Recovered}, func(r *store.Record) error {
			r.Instance.Health = store.HealthPassing
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if b := f.next(w); tell(b.Events) != "[recovered a]" {
			t.Errorf("events = %s", tell(b.Events))
		}
		start := time.Now()
		if b := f.next(w); tell(b.Events) != "[expired a]" || time.Since(start) != 10*time.Second {
			t.Errorf("%s after %v; want an ordinary end", tell(b.Events), time.Since(start))
		}
	})
}
