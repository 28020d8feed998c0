package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/devstart"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

var orders = wire.Registration{ServiceName: "orders", InstanceID: "o-1", Port: 80}

func TestRegistrationLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		r, err := c.Register(t.Context(), wire.Registration{ServiceName: "orders", Port: 80}, RegisterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if s := <-r.States(); s != Registered || !r.Healthy() || r.Err() != nil {
			t.Errorf("state %v, healthy %v, %v", s, r.Healthy(), r.Err())
		}
		id := r.Instance().InstanceID
		if !strings.HasPrefix(id, "orders-") || r.Instance().Address != "192.0.2.7" || r.Instance().PID != 0 {
			t.Errorf("registered %+v", r.Instance())
		}
		pass(10 * time.Minute)
		g.want("orders", id+":up")
		g.state(r, Registered)
		beats := g.times["POST heartbeat"]
		for i, at := range beats[1:] {
			if d := at.Sub(beats[i]); d < 9*time.Second || d > 10*time.Second {
				t.Fatalf("renewed after %v, want 9 to 10 s of 30", d)
			}
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		g.want("orders", "")
		if s := <-r.States(); s != Closed {
			t.Errorf("closed in state %v", s)
		}
		if _, open := <-r.States(); open || r.Healthy() || r.Err() != nil {
			t.Errorf("after the end: open %v, healthy %v, %v", open, r.Healthy(), r.Err())
		}
		<-r.Done()
		_, err = r.Update(t.Context(), wire.Patch{})
		ends(t, err, ErrClosed)
		if g.calls("POST register") != 1 {
			t.Errorf("%d registrations", g.calls("POST register"))
		}
	})
}

// An outage longer than the TTL ends the lease; it is registered again, with all that was
// changed, as soon as that can be.
func TestRegistrationOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		r := g.keep(g.client("a"), orders)
		weight, status := 7, "draining"
		if in, err := r.Update(t.Context(), wire.Patch{Weight: &weight, Status: &status, Metadata: map[string]*string{"k": &status}}); err != nil || in.Weight != 7 {
			t.Fatalf("%+v, %v", in, err)
		}
		pass(time.Minute)
		<-r.States()
		g.cut(true, "*")
		pass(11 * time.Second)
		g.state(r, Unreachable)
		if !r.Healthy() || !errors.Is(r.Err(), ErrUnavailable) {
			t.Errorf("after a moment: healthy %v, %v", r.Healthy(), r.Err())
		}
		before := g.calls("POST heartbeat")
		pass(10 * time.Minute)
		tries := (g.calls("POST heartbeat") - before) / 2
		if r.Healthy() || tries < 60 || tries > 360 {
			t.Errorf("after 10 min: healthy %v, %d tries, want one in 5 s or so", r.Healthy(), tries)
		}
		g.cut(false, "*")
		pass(10 * time.Second)
		g.state(r, Registered)
		if s := <-r.States(); s != Registered {
			t.Errorf("the latest state is %v", s)
		}
		g.want("orders", "o-1:draining")
		if in := r.Instance(); in.Weight != 7 || in.Metadata["k"] != "draining" || !r.Healthy() {
			t.Errorf("registered again as %+v", in)
		}
	})
}

// A registry that has forgotten everything hears of it at the next heartbeat.
func TestRegistrationAfterARestartWithoutState(t *testing.T) {
	for _, unverified := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, rigOptions{unverified: unverified})
			r := g.keep(g.client("a"), orders)
			g.halt()
			pass(5 * time.Second)
			g.start()
			pass(11 * time.Second)
			g.state(r, Registered)
			g.want("orders", "o-1:up")
		})
	}
}

var ref1 = wire.InstanceRef{ServiceName: "orders", InstanceID: "o-1"}

func (r *Registration) ref() wire.InstanceRef {
	in := r.Instance()
	return wire.InstanceRef{ServiceName: in.ServiceName, InstanceID: in.InstanceID}
}

// What is refused at the start is told at once, and leaves nothing behind.
func TestRegisterRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{policy: auth.Policy{Rules: []auth.Rule{{Identity: "*", Register: []string{"orders"}, Discover: []string{"*"}}}}})
		g.keep(g.client("a"), orders)
		for _, test := range []struct {
			who  string
			in   wire.Registration
			kind error
		}{
			{"a", wire.Registration{ServiceName: "orders", Port: -1}, ErrInvalid},
			{"a", wire.Registration{Port: 1}, ErrInvalid},
			{"a", wire.Registration{ServiceName: "shop", Port: 1}, ErrForbidden},
			{"b", orders, ErrConflict},
		} {
			begun := time.Now()
			r, err := g.client(test.who).Register(t.Context(), test.in, RegisterOptions{})
			if r != nil || time.Since(begun) > 0 {
				t.Errorf("%+v: %v after %v", test.in, r, time.Since(begun))
			}
			ends(t, err, test.kind)
		}
		r, err := g.client("b").Register(t.Context(), orders, RegisterOptions{NoWait: true})
		if err != nil {
			t.Fatal(err)
		}
		<-r.Done()
		g.state(r, Lost)
		ends(t, r.Err(), ErrConflict)
		if s := <-r.States(); s != Lost {
			t.Errorf("the last state is %v", s)
		}

		g.cut(true, "*")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err = g.client("a").Register(ctx, orders, RegisterOptions{}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("the registry is away: %v does not say so", err)
		}
		ends(t, err, context.DeadlineExceeded)
		g.cut(false, "*")
		pass(time.Minute)
		g.want("orders", "o-1:up")
	})
}

func TestRegisterInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		g.cut(true, "*")
		r, err := g.client("a").Register(t.Context(), orders, RegisterOptions{NoWait: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		pass(time.Hour)
		g.state(r, Registering)
		ends(t, r.Err(), ErrUnavailable)
		if r.Healthy() || r.Instance().InstanceID != "o-1" {
			t.Errorf("healthy %v, %+v", r.Healthy(), r.Instance())
		}
		weight := 3
		updated := make(chan error, 1)
		go func() {
			_, err := r.Update(t.Context(), wire.Patch{Weight: &weight})
			updated <- err
		}()
		g.cut(false, "*")
		pass(11 * time.Second)
		g.state(r, Registered)
		if err := <-updated; err != nil || r.Instance().Weight != 3 {
			t.Errorf("%v, %+v", err, r.Instance())
		}
	})
}

func TestRegistrationFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		r := g.keep(g.client("a"), orders)
		for range 5 {
			for _, host := range []string{"a.one:80", "a.two:80"} {
				g.cut(true, host)
				pass(time.Minute)
				if g.state(r, Registered); g.calls("POST register") != 1 {
					t.Fatal("the lease was lost")
				}
				g.cut(false, host)
			}
		}
	})
}

// Tokens are rotated in time, whatever answers get lost.
func TestRegistrationRotates(t *testing.T) {
	policy := registry.TokenPolicy{TTL: 5 * time.Minute, Grace: 30 * time.Second}
	for name, lose := range map[string]func(path string, n int) bool{
		"well":       nil,
		"rotations":  func(path string, n int) bool { return path == "POST token/rotate" && n%8 != 0 },
		"heartbeats": func(path string, n int) bool { return path == "POST heartbeat" && n%6 < 4 },
		"any":        func(_ string, n int) bool { return n%3 == 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, rigOptions{tokens: policy})
				r := g.keep(g.client("a"), orders)
				g.losing(lose)
				for range 60 {
					pass(time.Minute)
					g.losing(nil)
					g.want("orders", "o-1:up")
					g.losing(lose)
				}
				g.losing(nil)
				pass(time.Minute)
				g.state(r, Registered)
				n := g.calls("POST token/rotate")
				if g.calls("POST register") != 1 || n < 20 || name == "well" && n > 30 {
					t.Errorf("%d registrations, %d rotations in an hour of tokens for 5 min", g.calls("POST register"), n)
				}
			})
		})
	}
}

// A machine that slept: the clock of timers stood still, the wall clock did not.
func TestRegistrationAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		r := g.client("a").registration(orders, RegisterOptions{})
		var slept atomic.Int64
		w := &worker{Registration: r, wall: func() time.Time { return now().Add(time.Duration(slept.Load())) }}
		begun := time.Now()
		time.AfterFunc(3*time.Second, func() { slept.Store(int64(time.Hour)) })
		w.sleep(10 * time.Second)
		if d := time.Since(begun); d < 3*time.Second || d > 4*time.Second {
			t.Errorf("slept on for %v", d-3*time.Second)
		}
		r.cancel()
	})
}

func TestStateNames(t *testing.T) {
	if got := Unreachable.String() + " " + Closed.String() + " " + State(9).String(); got != "unreachable closed state 9" {
		t.Error(got)
	}
}

// Waits after failures are random up to a bound that doubles, and end at a third of the TTL;
// what the registry asks for comes on top, within reason.
func TestWaitsAfterFailures(t *testing.T) {
	w := &worker{Registration: (&Client{bases: []string{"https://a"}}).registration(orders, RegisterOptions{})}
	defer w.cancel()
	w.ttl = 30 * time.Second
	bound, sum := retryBase, time.Duration(0)
	for i := range 40 {
		wait := w.again(Unreachable, ErrUnavailable)
		if wait <= 0 || wait > bound+time.Millisecond {
			t.Errorf("wait %d is %v, want up to %v", i, wait, bound)
		}
		if sum += wait; i >= 10 && bound != 10*time.Second {
			t.Errorf("the bound after %d failures is %v", i, bound)
		}
		bound = min(2*bound, 10*time.Second)
	}
	if sum < 40*time.Second {
		t.Errorf("%v in all: that is no random share of the bounds", sum)
	}
	if wait := w.again(Unreachable, &Error{Status: 503, Code: wire.CodeUnavailable, RetryAfter: time.Hour}); wait < 10*time.Second || wait > 21*time.Second {
		t.Errorf("asked to wait for an hour: %v", wait)
	}
	w.c.local = newLocal(LocalOptions{})
	if wait := w.again(Unreachable, ErrUnavailable); wait > localWait+time.Millisecond {
		t.Errorf("of a local registry: %v", wait)
	}
	var longest time.Duration
	for range 100 {
		longest = max(longest, w.again(Unreachable, fmt.Errorf("%w: no room", devstart.ErrNotStarted)))
	}
	if longest < 2*localWait || longest > 11*time.Second {
		t.Errorf("of one that cannot be started: up to %v", longest)
	}
}
