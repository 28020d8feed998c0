package client

import (
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/wire"
)

// credential is the token of an instance and what is known of its life. Times are of the
// local wall clock; those of the registry's are brought to it by the difference at the
// registration, so that a clock that is wrong does no harm.
type credential struct {
	token string
	// previous is the token before. It opens nothing once the newer one was used, unless
	// the registry has lost that.
	previous string
	expires  time.Time // zero: it does not expire
	rotate   time.Time
	ahead    time.Duration // how far the registry's clock is ahead of ours
}

// newCredential gives the credential of a new registration.
func newCredential(got wire.Registered, now time.Time) credential {
	c := credential{token: got.Token, ahead: time.UnixMilli(got.Instance.RegisteredAt).Sub(now)}
	if got.TokenExpiresAt > 0 {
		c.mint(got.TokenExpiresAt, now)
	}
	return c
}

// mint notes a new token's end. It is rotated when about half its life is over: there is
// then as much time again to get that done.
func (c *credential) mint(expiresAt int64, now time.Time) {
	if expiresAt == 0 {
		c.expires, c.rotate = time.Time{}, time.Time{}
		return
	}
	c.expires = time.UnixMilli(expiresAt).Add(-c.ahead)
	life := max(c.expires.Sub(now), 0)
	c.rotate = now.Add(life/2 + rand.N(life/10+1))
}

// expiresAt notes what a heartbeat said of the token's end: policies change.
func (c *credential) expiresAt(ms int64, now time.Time) {
	if ms == 0 {
		c.expires = time.Time{}
		return
	}
	at := time.UnixMilli(ms).Add(-c.ahead)
	if at.Equal(c.expires) {
		return
	}
	c.expires = at
	if middle := now.Add(at.Sub(now) / 2); c.rotate.IsZero() || middle.Before(c.rotate) {
		c.rotate = middle
	}
}

// due tells whether the token is to be rotated.
func (c *credential) due(now time.Time) bool { return !c.expires.IsZero() && !now.Before(c.rotate) }

// expired tells whether the token has run out.
func (c *credential) expired(now time.Time) bool { return !c.expires.IsZero() && now.After(c.expires) }

// rotated notes the answer to a rotation.
func (c *credential) rotated(next wire.Token, now time.Time) {
	c.previous, c.token = c.token, next.Token
	c.mint(next.TokenExpiresAt, now)
}

// fallBack goes back to the token before, which is to be rotated soon.
func (c *credential) fallBack(now time.Time) {
	c.token, c.previous = c.previous, ""
	if !c.expires.IsZero() {
		c.rotate = now
	}
}

// rotate gets a new token. Where that fails, or its answer is lost, the old one stays good,
// and the next step tries again: by FAULTS ("Tokens") any number of answers may be lost.
// Why it failed the heartbeat that follows says as well; that one must not come too late for
// an address that swallows the rotation.
func (w *worker) rotate() {
	next, err := w.c.rotateToken(w.ctx, w.ref(), w.cred.token, w.attempt())
	if err != nil || next.Token == "" {
		return
	}
	w.cred.rotated(next, now())
	w.keep(next.Token)
}
