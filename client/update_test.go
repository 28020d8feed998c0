package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

func TestApply(t *testing.T) {
	status, weight, tags, value := "draining", 5, []string{"x"}, "v"
	in := wire.Registration{ServiceName: "a", Metadata: map[string]string{"gone": "1", "kept": "2"}, Tags: []string{"old"}}
	theirs := in.Metadata
	apply(&in, wire.Patch{Status: &status, Weight: &weight, Tags: &tags, Metadata: map[string]*string{"gone": nil, "new": &value}})
	want := wire.Registration{ServiceName: "a", Status: "draining", Weight: 5, Tags: []string{"x"},
		Metadata: map[string]string{"kept": "2", "new": "v"}}
	if !reflect.DeepEqual(in, want) || len(theirs) != 2 {
		t.Errorf("%+v, want %+v; the caller's map %v", in, want, theirs)
	}
	apply(&in, wire.Patch{})
	if !reflect.DeepEqual(in, want) {
		t.Errorf("an empty change makes %+v", in)
	}
	in.Metadata = nil
	if apply(&in, wire.Patch{Metadata: map[string]*string{"new": &value}}); in.Metadata["new"] != "v" {
		t.Errorf("%+v", in)
	}
}

// Changes go on while tokens are rotated, answers get lost and leases too, and what was
// answered stays.
func TestUpdatesUnderTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{tokens: registry.TokenPolicy{TTL: time.Minute, Grace: 30 * time.Second}})
		r := g.keep(g.client("a"), orders)
		g.losing(func(_ string, n int) bool { return n%4 == 1 })
		ctx, cancel := context.WithCancel(t.Context())
		var last atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			for weight := 1; ; weight++ {
				_, err := r.Update(ctx, wire.Patch{Weight: &weight})
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					t.Errorf("update %d: %v", weight, err)
					return
				}
				last.Store(int64(weight))
				sleep(ctx, ctx, 700*time.Millisecond)
			}
		}()
		for range 10 {
			pass(40 * time.Second)
			g.cut(true, "*")
			pass(45 * time.Second)
			g.cut(false, "*")
		}
		g.losing(nil)
		pass(time.Minute)
		cancel()
		<-done
		pass(time.Minute)
		g.state(r, Registered)
		in, err := g.client("a").Instance(t.Context(), ref1, ReadOptions{})
		if err != nil || int64(in.Weight) < last.Load() || int64(in.Weight) > last.Load()+1 || last.Load() < 100 {
			t.Errorf("weight %d, %v; %d was acknowledged last", in.Weight, err, last.Load())
		}
		if n := g.calls("POST register"); n < 5 {
			t.Errorf("only %d registrations: the lease was not lost", n)
		}
	})
}

func TestUpdateRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		r := g.keep(g.client("a"), orders)
		bad := "asleep"
		_, err := r.Update(t.Context(), wire.Patch{Status: &bad})
		ends(t, err, ErrInvalid)
		g.halt()
		g.start()
		pass(11 * time.Second)
		g.want("orders", "o-1:up")

		g.cut(true, "*")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		up := "up"
		_, err = r.Update(ctx, wire.Patch{Status: &up})
		ends(t, err, context.DeadlineExceeded)
		go func() { time.Sleep(time.Minute); _ = r.Close() }()
		_, err = r.Update(t.Context(), wire.Patch{Status: &up})
		ends(t, err, ErrClosed)
	})
}

// Drain returns once those who watch have read that the instance drains.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		r := g.keep(c, orders)
		reader, err := c.Resolver("orders", ResolverOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if err := reader.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Resolve(); err != nil {
			t.Fatal(err)
		}
		if err := r.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // what was written has been read
		_, err = reader.Resolve()
		ends(t, err, ErrNoInstance)
		g.state(r, Registered)

		// One that does not read is waited for, but not for ever; pipes hold nothing.
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://slow.one/registry/watch", nil)
		resp, err := g.base.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		up := "up"
		if _, err := r.Update(t.Context(), wire.Patch{Status: &up}); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		ends(t, r.Drain(t.Context()), ErrNotTold)
		if d := time.Since(begun); d < drainWithin*8/10 || d > drainWithin {
			t.Errorf("waited %v", d)
		}
		g.cut(true, "*")
		begun = time.Now()
		if err := r.Drain(t.Context()); err == nil || time.Since(begun) > drainWithin {
			t.Errorf("the registry is away: %v after %v", err, time.Since(begun))
		}
		g.cut(false, "*")
		pass(2 * time.Minute)
		g.want("orders", "o-1:draining")
	})
}

// A local registry is told our process; one that takes it for another's is told no more.
func TestRegistrationOfAProcess(t *testing.T) {
	var pids []int
	var beats atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/registry/register":
			var in wire.Registration
			if err := decodeBody(r, &in); err != nil {
				t.Error(err)
			}
			pids = append(pids, in.PID)
			fmt.Fprintf(w, `{"instance":{"serviceName":"orders","instanceId":"o-1","registeredAt":1},"token":"t","ttl":300}`)
		case "/registry/heartbeat":
			if beats.Add(1) == 1 {
				problem(w, 410, `{"code":"lease_lost","reason":"process_exited"}`)
				return
			}
			_, _ = w.Write([]byte(`{"ttl":300}`))
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	r, err := reach(t, url).Register(limited(t), orders, RegisterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for ctx := limited(t); beats.Load() < 2 && ctx.Err() == nil; {
		sleep(ctx, ctx, 10*time.Millisecond)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if want := []int{os.Getpid(), 0}; !reflect.DeepEqual(pids, want) {
		t.Errorf("registered for the processes %v, want %v", pids, want)
	}
	r, err = reach(t, url).Register(limited(t), orders, RegisterOptions{NoPID: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil || pids[2] != 0 {
		t.Errorf("NoPID: %v, %v", pids, err)
	}
}

func TestFinal(t *testing.T) {
	for name, test := range map[string]struct {
		err          error
		first, later bool
	}{
		"invalid":      {&Error{Status: 400, Code: wire.CodeInvalid}, true, true},
		"forbidden":    {&Error{Status: 403, Code: wire.CodeForbidden}, true, false},
		"who are you":  {&Error{Status: 401, Code: wire.CodeUnauthenticated}, true, false},
		"not Roster's": {&Error{Status: 404}, true, false},
		"away":         {&Error{Code: wire.CodeUnavailable}, false, false},
		"busy":         {&Error{Status: 429, Code: wire.CodeRateLimited}, false, false},
		"failed":       {&Error{Status: 500, Code: wire.CodeInternal}, false, false},
		"proxy failed": {&Error{Status: 500}, false, false},
		"strange":      {errors.New("not JSON"), true, false},
	} {
		if final(test.err, true) != test.first || final(test.err, false) != test.later {
			t.Errorf("%s: at first %v, later %v", name, final(test.err, true), final(test.err, false))
		}
	}
}

// What was updated while a registration was on its way is not in that: it is sent again.
func TestUpdateDuringARegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		c := g.client("a")
		w := &worker{Registration: c.registration(orders, RegisterOptions{}), wall: now}
		got, err := c.RegisterOnce(t.Context(), orders, "")
		if err != nil {
			t.Fatal(err)
		}
		weight := 9
		if !w.adopt(wire.Patch{Weight: &weight}, wire.Instance{}, 0) {
			t.Fatal("the change was not adopted")
		}
		w.took(got, 0, time.Now())
		if w.registered() {
			t.Fatal("it counts as registered without the change")
		}
		if _, err := w.step(); err != nil || !w.registered() || w.Instance().Weight != 9 {
			t.Errorf("%v, %+v", err, w.Instance())
		}
		if w.adopt(wire.Patch{}, wire.Instance{}, 1) {
			t.Error("a change to a life that is over was adopted")
		}
		w.cancel()
		w.leave()
		g.want("orders", "")
	})
}

// A node that does not wait for the watchers is not asked again without a pause.
func TestDrainThatIsAnsweredEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		r := g.keep(g.client("a"), orders)
		g.mu.Lock()
		g.fake = map[string]string{"PATCH services/orders/o-1": `{"serviceName":"orders","instanceId":"o-1","status":"draining"}`}
		g.mu.Unlock()
		ends(t, r.Drain(t.Context()), ErrNotTold)
		if n := g.calls("PATCH services/orders/o-1"); n < 2 || n > 100 {
			t.Errorf("asked %d times in %v", n, drainWithin)
		}
	})
}
