package registry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/store"
)

// TestRestore: of a backend that went back behind a rotation, an update or a registration the
// later form comes back with the first heartbeat whose token only that form takes.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		a, b := c.nodes[0], c.nodes[1]
		rotated, same := third.register(orders, "rotated"), third.register(orders, "same")
		again := third.register(orders, "again")
		pass(2 * time.Second)
		rewind := c.backend.Save()
		second, err := third.Rotate(t.Context(), orders, "orders", "rotated", rotated.Token)
		if err != nil {
			t.Fatal(err)
		}
		wantErr(t, "first use", third.beat(orders, "rotated", second.Token), "ok")
		weight := uint16(7)
		if _, err := third.Update(t.Context(), orders, "orders", "rotated", second.Token, Patch{Weight: &weight}); err != nil {
			t.Fatal(err)
		}
		reg := registration("orders", "again")
		reg.Instance.Port = 9999
		next, err := third.Register(t.Context(), orders, reg)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		third.stop()
		rewind()
		pass(time.Second)
		if got := c.got("rotated"); got.Tokens != rotated.Record.Tokens || c.got("again").Generation != again.Record.Generation {
			t.Fatalf("%+v", got)
		}

		wantErr(t, "the later token", a.beat(orders, "rotated", second.Token), "ok")
		wantErr(t, "the later registration", b.beat(orders, "again", next.Token), "ok")
		wantErr(t, "what was not changed", b.beat(orders, "same", same.Token), "ok")
		synctest.Wait()
		for _, n := range c.nodes {
			wantErr(t, "the earlier token", n.beat(orders, "rotated", rotated.Token), "unauthenticated")
			wantErr(t, "the later token", n.beat(orders, "rotated", second.Token), "ok")
			wantErr(t, "the earlier registration", n.beat(orders, "again", again.Token), "lease_lost replaced")
			wantErr(t, "the later registration", n.beat(orders, "again", next.Token), "ok")
		}
		if got := c.got("rotated"); got.Instance.Weight != 7 || c.got("again").Instance.Port != 9999 {
			t.Errorf("%+v, %+v", got.Instance, c.got("again").Instance)
		}
		if n := a.Stats().Restored.Load() + b.Stats().Restored.Load(); n != 2 {
			t.Errorf("%d restored", n)
		}
	})
}

// TestRestoreRevivesNoToken: once the holder of the earlier form has gone on from there, the
// later form is history, whoever comes with a token of it.
func TestRestoreRevivesNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, third := pair(t)
		a, b := c.nodes[0], c.nodes[1]
		first := third.register(orders, "o1")
		pass(2 * time.Second)
		rewind := c.backend.Save()
		lost, err := third.Rotate(t.Context(), orders, "orders", "o1", first.Token)
		if err != nil {
			t.Fatal(err)
		}
		wantErr(t, "first use", third.beat(orders, "o1", lost.Token), "ok")
		synctest.Wait()
		third.stop()
		rewind()
		pass(time.Second)
		// Its answer was lost: it rotates again, with the token that it has, on a node whose
		// feed the other one hears late.
		c.links[1].Late(5 * time.Second)
		kept, err := a.Rotate(t.Context(), orders, "orders", "o1", first.Token)
		wantErr(t, "rotate from the earlier form", err, "ok")
		if _, ok := b.Catalog().Newer(store.InstanceKey("orders", "o1")); !ok {
			t.Fatal("the other node has nothing to restore")
		}
		wantErr(t, "the lost token", b.beat(orders, "o1", lost.Token), "unauthenticated")
		wantErr(t, "the kept token", b.beat(orders, "o1", kept.Token), "ok")
		pass(6 * time.Second)
		for _, n := range c.nodes {
			wantErr(t, "the lost token", n.beat(orders, "o1", lost.Token), "unauthenticated")
			wantErr(t, "the kept token", n.beat(orders, "o1", kept.Token), "ok")
		}

		// And between the look at the record and the write.
		c2, third := pair(t)
		first = third.register(orders, "o1")
		pass(2 * time.Second)
		rewind = c2.backend.Save()
		lost, err = third.Rotate(t.Context(), orders, "orders", "o1", first.Token)
		if err != nil {
			t.Fatal(err)
		}
		wantErr(t, "first use", third.beat(orders, "o1", lost.Token), "ok")
		synctest.Wait()
		third.stop()
		rewind()
		pass(time.Second)
		a, b = c2.nodes[0], c2.nodes[1]
		b.store.meanwhile("update", func() {
			b.store.meanwhile("update", nil)
			_, err := a.Rotate(t.Context(), orders, "orders", "o1", first.Token)
			wantErr(t, "rotate, there", err, "ok")
		})
		wantErr(t, "the lost token, overtaken", b.beat(orders, "o1", lost.Token), "unauthenticated")
	})
}
