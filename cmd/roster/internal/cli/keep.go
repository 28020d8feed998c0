package cli

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// registrar is the part of the client that keeping an instance needs.
type registrar interface {
	RegisterOnce(ctx context.Context, in wire.Registration, token string) (wire.Registered, error)
	Heartbeat(ctx context.Context, ref wire.InstanceRef, token string) (wire.Heartbeat, error)
	RotateToken(ctx context.Context, ref wire.InstanceRef, token string) (wire.Token, error)
	Deregister(ctx context.Context, ref wire.InstanceRef, token, reason string) error
}

// keeper renews an instance until its context ends, and then deregisters it.
type keeper struct {
	c   registrar
	in  wire.Registration // what to register again, with the instance's ID
	ref wire.InstanceRef
	say func(format string, args ...any)

	ttl     time.Duration
	token   string
	life    time.Duration // of a token; 0: it does not expire
	expires time.Time
	// trouble: the last renewal failed, and that was said.
	trouble bool
}

// goodbye is how long the deregistration at the end may take.
const goodbye = 5 * time.Second

func newKeeper(c registrar, in wire.Registration, mine wire.Registered, say func(string, ...any)) *keeper {
	in.InstanceID = mine.Instance.InstanceID
	k := &keeper{c: c, in: in, say: say}
	k.ref = wire.InstanceRef{ServiceName: mine.Instance.ServiceName, InstanceID: mine.Instance.InstanceID}
	k.took(mine)
	return k
}

// took notes what a registration gave. The life of a token is a difference of the
// registry's own times, so a clock that differs from ours does no harm. Our time is the
// wall clock's: the other one stops while a laptop sleeps.
func (k *keeper) took(mine wire.Registered) {
	k.token, k.ttl, k.life = mine.Token, time.Duration(mine.TTL)*time.Millisecond, 0
	if mine.TokenExpiresAt > 0 {
		k.life = max(time.Duration(mine.TokenExpiresAt-mine.Instance.RegisteredAt)*time.Millisecond, time.Second)
		k.expires = now().Add(k.life)
	}
}

func now() time.Time { return time.Now().Round(0) }

// interval is the time between renewals: a third of the TTL, so that two may fail, and
// a little less by chance, so that many keepers do not call at once. In trouble it is
// short, to use the time that is left.
func (k *keeper) interval() time.Duration {
	d := max(k.ttl/3, 100*time.Millisecond)
	if k.trouble {
		d = min(d, 2*time.Second)
	}
	return d - rand.N(d/10)
}

// run keeps the instance. It returns nil when ctx ended and the instance is
// deregistered, and an error when it may not be kept.
func (k *keeper) run(ctx context.Context) error {
	k.say("Renewing %s/%s every %s. Interrupt (Ctrl-C) to deregister it.",
		clean(k.ref.ServiceName), clean(k.ref.InstanceID), (k.ttl / 3).Round(100*time.Millisecond))
	for {
		timer := time.NewTimer(k.interval())
		select {
		case <-ctx.Done():
			timer.Stop()
			return k.leave(ctx)
		case <-timer.C:
		}
		if err := k.renew(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// renew does what is due. The error is one that ends the keeping.
func (k *keeper) renew(ctx context.Context) error {
	if k.life > 0 && k.expires.Sub(now()) < k.life/3 {
		if next, err := k.c.RotateToken(ctx, k.ref, k.token); err == nil {
			k.token, k.expires = next.Token, now().Add(k.life)
		}
		// Why it failed the heartbeat says as well, and then it is dealt with.
	}
	_, err := k.c.Heartbeat(ctx, k.ref, k.token)
	switch {
	case err == nil:
		if k.trouble {
			k.trouble = false
			k.say("Renewed again.")
		}
		return nil
	case passing(err):
		return k.wait(err)
	case k.lost(err):
		return k.register(ctx, err)
	}
	return err
}

// passing tells whether an error says nothing about the instance.
func passing(err error) bool {
	var e *client.Error
	return errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrRateLimited) ||
		errors.As(err, &e) && e.Status >= 500
}

func (k *keeper) wait(err error) error {
	if !k.trouble {
		k.trouble = true
		k.say("Could not renew, trying on: %s", clean(err.Error()))
	}
	return nil
}

// lost tells whether the instance is gone in a way that registering again is right. A
// token that is refused although it has not run out is none: somebody else has taken
// the instance, and taking it back would go on for ever.
func (k *keeper) lost(err error) bool {
	var e *client.Error
	switch {
	case !errors.As(err, &e):
		return false
	case errors.Is(e, client.ErrUnauthenticated):
		return k.life > 0 && now().After(k.expires)
	case errors.Is(e, client.ErrNotFound):
		return true
	}
	return errors.Is(e, client.ErrLeaseLost) && again(e)
}

// again tells whether an instance that is gone may be registered again: not where
// somebody meant it to go.
func again(e *client.Error) bool { return e.Reason == "expired" || e.Reason == "unreachable" }

func (k *keeper) register(ctx context.Context, why error) error {
	mine, err := k.c.RegisterOnce(ctx, k.in, k.token)
	if errors.Is(err, client.ErrUnauthenticated) {
		// The old token may be what is wrong; our identity may be enough.
		mine, err = k.c.RegisterOnce(ctx, k.in, "")
	}
	if err != nil {
		if passing(err) {
			return k.wait(err)
		}
		return err
	}
	k.took(mine)
	k.trouble = false
	k.say("Registered again: %s", clean(why.Error()))
	return nil
}

// leave deregisters, although ctx has ended.
func (k *keeper) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	err := k.c.Deregister(ctx, k.ref, k.token, "stopped")
	if errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrLeaseLost) {
		k.say("It was gone already.")
		return nil
	}
	if err != nil {
		return err
	}
	k.say("Deregistered.")
	return nil
}
