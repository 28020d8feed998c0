package cli

import (
	"context"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// leaveTime bounds the deregistration at the end: a command that has ended must not seem to
// hang because the registry does.
const leaveTime = 2 * time.Second

// troubleTime is how often it is looked whether the first registration has met with trouble.
const troubleTime = 500 * time.Millisecond

// tenure is an instance from when its command accepts connections until ctx ends. It is for
// one goroutine; its members are read when run has returned.
type tenure struct {
	r   *runner
	reg *client.Registration // nil: it never came to that
	// was: it was registered at some time.
	was bool
	// told: that the registry cannot be reached was said.
	told bool
}

// run waits until the command accepts, registers it, and renews it until ctx ends. The error
// is one for which it may not be registered. An instance that somebody has removed since is
// not worth a command that works: of that it tells, and returns.
func (t *tenure) run(ctx context.Context, in wire.Registration) error {
	local := t.r.local
	if t.r.wait > 0 {
		host, err := awaitPort(ctx, hosts(in.Address, local), in.Port, t.r.wait, func() { t.r.late(in.Port) })
		if err != nil {
			return nil // the end came first
		}
		if in.Address == "" && local {
			in.Address = host
		}
	}
	if in.Address == "" && local {
		in.Address = "127.0.0.1"
	}
	var err error
	// NoPID: the process is the command's, and not this one.
	if t.reg, err = t.r.c.Register(ctx, in, client.RegisterOptions{NoWait: true, NoPID: true, Goodbye: leaveTime}); err != nil {
		return err
	}
	return t.attend(ctx)
}

// attend tells of what becomes of the registration.
func (t *tenure) attend(ctx context.Context) error {
	trouble := time.NewTicker(troubleTime)
	defer trouble.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-trouble.C: // for the first state there is no news
			t.away(t.reg.State())
		case state := <-t.reg.States():
			if state == client.Lost {
				return t.lost()
			}
			t.news(state)
		}
	}
}

func (t *tenure) news(state client.State) {
	in := t.reg.Instance()
	switch {
	case state != client.Registered:
		t.away(state)
	case !t.was:
		t.was, t.told = true, false
		t.r.s.tell("%s/%s is registered at %s", clean(in.ServiceName), clean(in.InstanceID), place(&in))
	case t.told:
		t.told = false
		t.r.s.tell("%s/%s is registered again", clean(in.ServiceName), clean(in.InstanceID))
	}
}

// away says, once, that the registry is not reached.
func (t *tenure) away(state client.State) {
	err := t.reg.Err()
	if err == nil || t.told || state == client.Registered {
		return
	}
	t.told = true
	if t.was {
		t.r.s.tell("could not renew, trying on: %s", clean(err.Error()))
	} else {
		t.r.s.tell("not registered yet, trying on: %s", clean(err.Error()))
	}
}

func (t *tenure) lost() error {
	err := t.reg.Err()
	if t.was {
		t.r.s.tell("no longer registered: %s", clean(err.Error()))
		return nil
	}
	return err
}

// leave deregisters the instance, if it is registered.
func (t *tenure) leave() {
	if t.reg == nil {
		return
	}
	if err := t.reg.Close(); err != nil {
		t.r.s.tell("could not deregister, so it lives until its TTL is over: %s", clean(err.Error()))
	}
}
