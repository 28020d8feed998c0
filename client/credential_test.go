package client

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

func TestCredential(t *testing.T) {
	start := time.UnixMilli(1_800_000_000_000)
	const skew = 2 * time.Hour // of the registry's clock
	at := func(d time.Duration) int64 { return start.Add(skew + d).UnixMilli() }
	c := newCredential(wire.Registered{Instance: wire.Instance{RegisteredAt: at(0)}, Token: "1", TokenExpiresAt: at(time.Hour)}, start)
	due := func(from, to time.Duration) {
		t.Helper()
		if c.due(start.Add(from-time.Second)) || !c.due(start.Add(to+time.Second)) {
			t.Errorf("due at %v, want from %v to %v", c.rotate.Sub(start), from, to)
		}
	}
	due(30*time.Minute, 36*time.Minute)
	if c.expired(start.Add(time.Hour)) || !c.expired(start.Add(time.Hour+time.Second)) {
		t.Errorf("expires at %v", c.expires.Sub(start))
	}
	c.expiresAt(at(time.Hour), start.Add(10*time.Minute)) // nothing new
	due(30*time.Minute, 36*time.Minute)
	c.expiresAt(at(30*time.Minute), start.Add(10*time.Minute)) // tokens live shorter than was said
	due(20*time.Minute, 20*time.Minute)

	c.rotated(wire.Token{Token: "2", TokenExpiresAt: at(80 * time.Minute)}, start.Add(20*time.Minute))
	due(50*time.Minute, 56*time.Minute)
	if c.token != "2" || c.previous != "1" {
		t.Errorf("after a rotation: %q, before it %q", c.token, c.previous)
	}
	c.fallBack(start.Add(25 * time.Minute))
	due(25*time.Minute, 25*time.Minute)
	if c.token != "1" || c.previous != "" {
		t.Errorf("fell back to %q, before it %q", c.token, c.previous)
	}

	// Tokens that do not expire, and come to do so by a change of policy.
	c = newCredential(wire.Registered{Token: "1"}, start)
	c.expiresAt(0, start)
	if year := start.Add(365 * 24 * time.Hour); c.due(year) || c.expired(year) {
		t.Error("a token that does not expire is due")
	}
	c = newCredential(wire.Registered{Instance: wire.Instance{RegisteredAt: at(0)}, Token: "1"}, start)
	c.expiresAt(at(time.Hour), start)
	due(30*time.Minute, 30*time.Minute)
	c.rotated(wire.Token{Token: "2"}, start)
	if c.due(start.Add(time.Hour)) {
		t.Error("due, though it does not expire any more")
	}
}

// A registry that has lost a rotation takes the token from before it, and so do we.
func TestRegistrationFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{tokens: registry.TokenPolicy{TTL: 10 * time.Minute, Grace: time.Minute}})
		g.fake = map[string]string{"POST token/rotate": fmt.Sprintf(`{"token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","tokenExpiresAt":%d}`,
			time.Now().Add(20*time.Minute).UnixMilli())}
		r := g.keep(g.client("a"), orders)
		pass(6*time.Minute + 30*time.Second)
		if g.state(r, Registered); g.calls("POST token/rotate") == 0 || g.calls("POST register") != 1 {
			t.Errorf("%d rotations, %d registrations", g.calls("POST token/rotate"), g.calls("POST register"))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		g.want("orders", "")
	})
}

// Whoever may not look whose the instance is gives up, but not at the first word.
func TestRegistrationThatMayNotLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{policy: auth.Policy{Rules: []auth.Rule{{Identity: "a", Register: []string{"*"}}}}})
		c := g.client("a")
		r := g.keep(c, orders)
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
		pass(30 * time.Second)
		g.state(r, Lost)
		ends(t, r.Err(), ErrUnauthenticated)
		if n := g.calls("GET services/orders/o-1"); n != doubts {
			t.Errorf("looked %d times", n)
		}
	})
}

// An address that swallows a rotation does not hold up the heartbeat behind it for longer
// than the lease lasts.
func TestRotationThatIsSwallowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{tokens: registry.TokenPolicy{TTL: 10 * time.Minute, Grace: time.Minute}})
		var hangs atomic.Bool
		c, err := New(Options{Addresses: []string{"http://a.one:80", "http://a.two:80"}, InOrder: true, HTTPClient: &http.Client{
			Transport: trip(func(req *http.Request) (*http.Response, error) {
				if req.URL.Host == "a.one:80" && (hangs.Load() || req.URL.Path == "/registry/token/rotate") {
					hangs.Store(true)
					<-req.Context().Done()
					return nil, req.Context().Err()
				}
				return g.RoundTrip(req)
			}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		in, ttl := orders, int64(6000)
		in.TTL = &ttl
		r := g.keep(c, in)
		pass(20 * time.Minute)
		g.state(r, Registered)
		if !hangs.Load() || g.calls("POST token/rotate") == 0 || g.calls("POST register") != 1 {
			t.Errorf("%d rotations, %d registrations: the lease was lost", g.calls("POST token/rotate"), g.calls("POST register"))
		}
	})
}

// trip is an http.RoundTripper of one function.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
