package client

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/wire"
)

// Somebody else has the instance, or has ended it: that is reported and left alone.
func TestRegistrationDoesNotFight(t *testing.T) {
	for name, end := range map[string]func(g *rig, r *Registration){
		"replaced": func(g *rig, r *Registration) {
			other := g.keep(g.client("a"), orders)
			g.t.Cleanup(func() { g.state(other, Registered) })
		},
		"forced": func(g *rig, r *Registration) {
			if err := g.client("admin").Deregister(g.t.Context(), r.ref(), "", "go"); err != nil {
				g.t.Error(err)
			}
		},
		"deregistered": func(g *rig, r *Registration) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if err := g.client("a").Deregister(g.t.Context(), ref1, r.token, ""); err != nil {
				g.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, rigOptions{policy: auth.Policy{Rules: []auth.Rule{
					{Identity: "*", Register: []string{"*"}, Discover: []string{"*"}}, {Identity: "admin", Admin: true},
				}}})
				r := g.keep(g.client("a"), orders)
				end(g, r)
				before := g.listed("orders")
				calls := g.calls("POST register")
				pass(time.Hour)
				g.state(r, Lost)
				var e *Error
				if !errors.Is(r.Err(), ErrLeaseLost) || !errors.As(r.Err(), &e) || e.Reason != name {
					t.Errorf("lost for %v", r.Err())
				}
				select {
				case <-r.Done():
				default:
					t.Error("it has not ended")
				}
				if g.want("orders", before); g.calls("POST register") != calls {
					t.Error("it was registered again")
				}
				if err := r.Drain(t.Context()); !errors.Is(err, ErrLeaseLost) {
					t.Errorf("drain: %v", err)
				}
				if err := r.Close(); err != nil || r.Err() == nil {
					t.Errorf("close: %v, and then %v", err, r.Err())
				}
				g.want("orders", before)
			})
		})
	}
}

// A token that is refused although the life is ours: the identity proves enough, where
// something proves the identity.
func TestRegistrationWhoseTokenIsRefused(t *testing.T) {
	for _, unverified := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, rigOptions{unverified: unverified})
			c := g.client("a")
			r := g.keep(c, orders)
			// Somebody has got hold of the token, and has another one made and used.
			r.mu.Lock()
			token := r.token
			r.mu.Unlock()
			next, err := c.RotateToken(t.Context(), ref1, token)
			if err == nil {
				_, err = c.Heartbeat(t.Context(), ref1, next.Token)
			}
			if err != nil {
				t.Fatal(err)
			}
			pass(11 * time.Second)
			if unverified {
				g.state(r, Lost)
				ends(t, r.Err(), ErrConflict)
				return
			}
			g.state(r, Registered)
			if _, err := c.Heartbeat(t.Context(), ref1, next.Token); err == nil {
				t.Error("the other token still opens the instance")
			}
		})
	}
}

// A token that is refused because another life goes by the ID, of which no tombstone tells.
func TestRegistrationThatWasReplacedLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		r := g.keep(g.client("a"), orders)
		g.cut(true, "a.one:80", "a.two:80")
		pass(time.Minute)
		if _, err := g.client("a2").RegisterOnce(t.Context(), orders, ""); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			// It lives on, without the one that was there before.
			if _, err := g.client("a2").RegisterOnce(t.Context(), orders, ""); err != nil {
				t.Fatal(err)
			}
			pass(20 * time.Second)
		}
		g.cut(false, "*", "a.one:80", "a.two:80")
		pass(20 * time.Second)
		g.state(r, Lost)
		ends(t, r.Err(), ErrUnauthenticated)
	})
}

// Where the answer to a registration is lost, it is neither given up nor doubled for long.
func TestRegistrationWhoseAnswerIsLost(t *testing.T) {
	for _, unverified := range []bool{false, true} {
		for _, id := range []string{"", "o-1"} {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, rigOptions{unverified: unverified})
				g.losing(func(path string, n int) bool { return path == "POST register" && n <= 2 })
				in := orders
				in.InstanceID = id
				begun := time.Now()
				r := g.keep(g.client("a"), in)
				if took := time.Since(begun); (id == "" || !unverified) && took > 2*time.Second {
					t.Errorf("it took %v", took)
				}
				g.state(r, Registered)
				pass(time.Minute)
				g.want("orders", r.Instance().InstanceID+":up")
				if id != "" && r.Instance().InstanceID != id {
					t.Errorf("another ID: %s", r.Instance().InstanceID)
				}
			})
		}
	}
}

// A registration that is closed while a change is on its way into it is deregistered too.
func TestLeaveWithAChangeOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		w := &worker{Registration: c.registration(orders, RegisterOptions{}), wall: now}
		got, err := c.RegisterOnce(t.Context(), orders, "")
		if err != nil {
			t.Fatal(err)
		}
		weight := 9
		w.adopt(wire.Patch{Weight: &weight}, wire.Instance{}, 0)
		w.took(got, 0, time.Now())
		w.cancel()
		w.leave()
		g.want("orders", "")
		if w.goodbye != nil {
			t.Error(w.goodbye)
		}
	})
}
