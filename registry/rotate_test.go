package registry

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

func TestRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour, Grace: time.Minute}})
		first := n.register(orders, "o1")
		pass(10 * time.Second)
		out, err := n.Rotate(t.Context(), orders, "orders", "o1", first.Token)
		if err != nil {
			t.Fatal(err)
		}
		if out.Token == first.Token || out.TokenExpires != store.At(time.Now().Add(time.Hour)) {
			t.Errorf("%+v", out)
		}
		expires := func(token string) store.Millis {
			t.Helper()
			b, err := n.Heartbeat(t.Context(), orders, Beat{"orders", "o1", token})
			if err != nil {
				t.Fatal(err)
			}
			return b.TokenExpires
		}
		if got := expires(first.Token); got != first.TokenExpires {
			t.Errorf("the older expires at %d, not %d", got, first.TokenExpires)
		}
		updates := n.store.calls("update")
		for range 3 {
			if got := expires(out.Token); got != out.TokenExpires {
				t.Errorf("the newest expires at %d, not %d", got, out.TokenExpires)
			}
		}
		if got := n.store.calls("update") - updates; got != 1 {
			t.Errorf("%d writes for the first use of a token", got)
		}
		wantErr(t, "the older then", n.beat(orders, "o1", first.Token), "unauthenticated")
		if n.logs.count("INFO token rotated") != 1 || n.logs.count("WARN token refused") != 1 {
			t.Errorf("log:\n%v", n.logs)
		}
	})
}

// client is what an instance keeps of its tokens.
type client struct {
	token string // the one that it received last; of a careful client, that worked last
	newer string // careful only: received, and not yet seen to work
}

// candidates gives the tokens to try, in order.
func (c *client) candidates() []string {
	if c.newer != "" {
		return []string{c.newer, c.token}
	}
	return []string{c.token}
}

// TestLostAnswers is invariant I11: in ten thousand random sequences of rotations,
// heartbeats and updates on three nodes, whose answers are lost at random, nobody is
// locked out. A client that goes over to each token that it receives is never refused.
// A careful one keeps the token that last worked until the newer one has worked once: for
// it, one of the two always works, even if calls of its past arrive late.
func TestLostAnswers(t *testing.T) {
	const sequences, nodes = 10_000, 3
	st := memory.Open(memory.Options{})
	defer st.Close()
	clock := time.Now()
	s := setup{tokens: TokenPolicy{TTL: time.Hour, Grace: 30 * time.Second},
		leases: defaultPolicy(24 * time.Hour), now: func() time.Time { return clock }}
	var on3 [nodes]*node
	for i := range on3 {
		on3[i] = on(t, st, s)
		defer on3[i].stop()
	}
	var calls, lost, fallbacks int
	for seq := range sequences {
		random := rand.New(rand.NewPCG(1, uint64(seq)))
		careful := seq%2 == 0
		c := client{token: on3[0].register(orders, "o1").Token}
		var past []func()
		for range 3 + random.IntN(15) {
			n := on3[random.IntN(nodes)]
			what := random.IntN(5)
			answered := random.IntN(3) > 0
			var err error
			for i, token := range c.candidates() {
				var fresh string
				fresh, err = n.use(what, token)
				if calls++; !answered {
					lost++
				}
				past = append(past, func() { _, _ = n.use(what, token) })
				if err != nil {
					fallbacks++
					continue // to be refused is an answer that is not lost
				}
				if answered {
					if careful && i == 0 {
						c.token, c.newer = token, fresh
					} else if careful {
						c.newer = fresh
					} else if fresh != "" {
						c.token = fresh
					}
				}
				break
			}
			if err != nil {
				t.Fatalf("sequence %d: locked out: %v", seq, err)
			}
			if careful && random.IntN(3) == 0 {
				past[random.IntN(len(past))]() // arrives a second time
			}
			if random.IntN(4) == 0 {
				clock = clock.Add(time.Second) // never an hour in one sequence
			}
		}
	}
	t.Logf("%d calls, %d answers lost, %d times the other token", calls, lost, fallbacks)
	if fallbacks == 0 {
		t.Error("no call of the past ever came late enough to matter")
	}
}

// use makes one of several calls with a token, and gives the token that it brings, if any.
func (n *node) use(what int, token string) (fresh string, err error) {
	switch what {
	case 0, 1:
		var out Rotated
		out, err = n.Rotate(n.Context(), orders, "orders", "o1", token)
		return out.Token, err
	case 2:
		return "", n.Heartbeats(n.Context(), orders, []Beat{{"orders", "o1", token}})[0].Err
	case 3:
		return "", n.beat(orders, "o1", token)
	}
	w := uint16(1 + time.Now().Nanosecond()%9)
	_, err = n.Update(n.Context(), orders, "orders", "o1", token, Patch{Weight: &w})
	return "", err
}

// TestPromoteRaces: the first use of a token on several nodes at once is one write, and
// none of the uses fails.
func TestPromoteRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		nodes := []*node{n, n.sibling(), n.sibling()}
		token := n.register(orders, "o1").Token
		for range 20 {
			out, err := n.Rotate(t.Context(), orders, "orders", "o1", token)
			if err != nil {
				t.Fatal(err)
			}
			token = out.Token
			before := n.revision().Number
			results := make(chan error)
			for i := range 12 {
				go func() { results <- nodes[i%3].beat(orders, "o1", token) }()
			}
			for range 12 {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			if moved := n.revision().Number - before; moved != 1 {
				t.Fatalf("%d writes", moved)
			}
		}
	})
}

// TestRotateUnknownEffect: a rotation of which nobody knows whether it happened locks
// nobody out.
func TestRotateUnknownEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{tokens: TokenPolicy{TTL: time.Hour}})
		first := n.register(orders, "o1")
		for range 3 {
			// It happens, and the answer of the store is lost.
			n.store.meanwhile("update", func() {
				n.store.meanwhile("update", nil)
				if _, err := n.Rotate(t.Context(), orders, "orders", "o1", first.Token); err != nil {
					t.Error(err)
				}
				n.store.fails(down("update"), "update")
			})
			_, err := n.Rotate(t.Context(), orders, "orders", "o1", first.Token)
			wantErr(t, "rotate", err, "unavailable")
			n.store.fails(nil, "update")
			wantErr(t, "the token it has", n.beat(orders, "o1", first.Token), "ok")
		}
		out, err := n.Rotate(t.Context(), orders, "orders", "o1", first.Token)
		wantErr(t, "rotate again", errors.Join(err, n.beat(orders, "o1", out.Token)), "ok")
		if rec, _ := n.store.Get(t.Context(), store.InstanceKey("orders", "o1")); auth.Pair(rec.Tokens).HasNewest {
			t.Error("the first use of the newest token was not noted")
		}
	})
}
