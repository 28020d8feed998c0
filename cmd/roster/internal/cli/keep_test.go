package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// fakeRegistrar answers a keeper; its calls are noted with the time since the start.
type fakeRegistrar struct {
	start time.Time
	calls []string
	times []time.Duration
	// fail gives the error of a call, by its number among those of its name.
	fail  map[string]error
	count map[string]int
	token int
	life  int64 // of tokens, in ms; 0: they do not expire
	skew  int64 // of the registry's clock
}

func newFakeRegistrar() *fakeRegistrar {
	return &fakeRegistrar{start: time.Now(), fail: map[string]error{}, count: map[string]int{}}
}

func (f *fakeRegistrar) call(name, token string) error {
	f.count[name]++
	f.calls = append(f.calls, name+" "+token)
	f.times = append(f.times, time.Since(f.start))
	return f.fail[fmt.Sprintf("%s %d", name, f.count[name])]
}

func (f *fakeRegistrar) next() string { f.token++; return fmt.Sprintf("t%d", f.token) }

func (f *fakeRegistrar) expires() int64 {
	if f.life == 0 {
		return 0
	}
	return time.Now().UnixMilli() + f.skew + f.life
}

func (f *fakeRegistrar) RegisterOnce(_ context.Context, in wire.Registration, token string) (wire.Registered, error) {
	if err := f.call("register", token); err != nil {
		return wire.Registered{}, err
	}
	id := in.InstanceID
	if id == "" {
		id = "made"
	}
	return wire.Registered{
		Instance: wire.Instance{ServiceName: in.ServiceName, InstanceID: id, RegisteredAt: time.Now().UnixMilli() + f.skew},
		Token:    f.next(), TTL: 30000, TokenExpiresAt: f.expires(),
	}, nil
}

func (f *fakeRegistrar) Heartbeat(_ context.Context, ref wire.InstanceRef, token string) (wire.Heartbeat, error) {
	if ref != (wire.InstanceRef{ServiceName: "orders", InstanceID: "made"}) {
		return wire.Heartbeat{}, fmt.Errorf("heartbeat of %+v", ref)
	}
	return wire.Heartbeat{TTL: 30000}, f.call("heartbeat", token)
}

func (f *fakeRegistrar) RotateToken(_ context.Context, _ wire.InstanceRef, token string) (wire.Token, error) {
	if err := f.call("rotate", token); err != nil {
		return wire.Token{}, err
	}
	return wire.Token{Token: f.next(), TokenExpiresAt: f.expires()}, nil
}

func (f *fakeRegistrar) Deregister(ctx context.Context, _ wire.InstanceRef, token, _ string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.call("deregister", token)
}

// keep runs a keeper for a time and gives what it called, what it said, and its error.
func keep(t *testing.T, f *fakeRegistrar, d time.Duration) (said []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	in := wire.Registration{ServiceName: "orders", Port: 1}
	mine, err := f.RegisterOnce(ctx, in, "")
	if err != nil {
		t.Fatal(err)
	}
	err = newKeeper(f, in, mine, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }).run(ctx)
	return said, err
}

func problemError(code, reason string, status int) error {
	return &client.Error{Status: status, Code: code, Reason: reason}
}

func TestKeepRenewsAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRegistrar()
		said, err := keep(t, f, 10*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		last := time.Duration(0)
		for i, call := range f.calls[1 : len(f.calls)-1] {
			gap := f.times[i+1] - last
			if last = f.times[i+1]; call != "heartbeat t1" || gap > 10*time.Second || gap < 9*time.Second {
				t.Errorf("call %d: %s after %v", i, call, gap)
			}
		}
		if f.calls[len(f.calls)-1] != "deregister t1" || said[len(said)-1] != "Deregistered." {
			t.Errorf("at the end: %s, said %q", f.calls[len(f.calls)-1], said)
		}
	})
}

// The token is replaced in time, also where the clocks of both sides differ.
func TestKeepRotates(t *testing.T) {
	for _, skew := range []time.Duration{0, 2 * time.Hour, -2 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeRegistrar()
			f.life, f.skew = time.Hour.Milliseconds(), skew.Milliseconds()
			f.fail["rotate 1"] = problemError(wire.CodeUnavailable, "", 503)
			if _, err := keep(t, f, 150*time.Minute); err != nil {
				t.Fatal(err)
			}
			born := map[string]time.Duration{"t1": 0}
			rotations := 0
			for i, call := range f.calls {
				name, token, _ := strings.Cut(call, " ")
				if name == "rotate" {
					if rotations++; rotations > 1 { // the first one failed
						born[fmt.Sprintf("t%d", rotations)] = f.times[i]
					}
				}
				if age := f.times[i] - born[token]; name == "heartbeat" && age > 41*time.Minute {
					t.Errorf("skew %v: a token of %v was used", skew, age)
				}
			}
			if rotations != 4 {
				t.Errorf("skew %v: %d rotations in 150 minutes, want 4", skew, rotations)
			}
		})
	}
}

func TestKeepThroughTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRegistrar()
		for i := 2; i <= 6; i++ {
			f.fail[fmt.Sprintf("heartbeat %d", i)] = problemError(wire.CodeUnavailable, "", 503)
		}
		said, err := keep(t, f, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if f.times[6]-f.times[2] > 9*time.Second {
			t.Errorf("in trouble it asked at %v only", f.times[2:7])
		}
		if len(said) != 4 || !strings.HasPrefix(said[1], "Could not renew") || said[2] != "Renewed again." {
			t.Errorf("said %q", said)
		}
	})
}

func TestKeepRegistersAgain(t *testing.T) {
	for name, err := range map[string]error{
		"expired":     problemError(wire.CodeLeaseLost, "expired", 410),
		"unreachable": problemError(wire.CodeLeaseLost, "unreachable", 410),
		"unknown":     problemError(wire.CodeNotFound, "", 404),
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeRegistrar()
			f.fail["heartbeat 2"] = err
			f.fail["register 2"] = problemError(wire.CodeUnauthenticated, "", 401) // for the old token
			said, err := keep(t, f, 35*time.Second)
			want := []string{"register ", "heartbeat t1", "heartbeat t1", "register t1", "register ", "heartbeat t2", "deregister t2"}
			if err != nil || !slices.Equal(f.calls, want) || !strings.HasPrefix(said[1], "Registered again") {
				t.Errorf("%s: %v, called %q, said %q", name, err, f.calls, said)
			}
		})
	}
}

// What somebody meant, or what cannot get better, ends the keeping; nothing is
// deregistered then, for it is not ours any more.
func TestKeepStops(t *testing.T) {
	for name, fail := range map[string]error{
		"replaced":       problemError(wire.CodeLeaseLost, "replaced", 410),
		"forced":         problemError(wire.CodeLeaseLost, "forced", 410),
		"deregistered":   problemError(wire.CodeLeaseLost, "deregistered", 410),
		"process_exited": problemError(wire.CodeLeaseLost, "process_exited", 410),
		"forbidden":      problemError(wire.CodeForbidden, "", 403),
		"not our token":  problemError(wire.CodeUnauthenticated, "", 401),
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeRegistrar()
			f.life = time.Hour.Milliseconds()
			f.fail["heartbeat 2"] = fail
			_, err := keep(t, f, time.Hour)
			if !errors.Is(err, fail) || !slices.Equal(f.calls, []string{"register ", "heartbeat t1", "heartbeat t1"}) {
				t.Errorf("%s: %v, called %q", name, err, f.calls)
			}
		})
	}
}

// A token that ran out while the machine slept is replaced by registering again.
func TestKeepAfterTheTokenRanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRegistrar()
		f.life = 15 * time.Second.Milliseconds()
		refused := problemError(wire.CodeUnauthenticated, "", 401)
		f.fail["rotate 1"], f.fail["rotate 2"], f.fail["heartbeat 2"] = refused, refused, refused
		_, err := keep(t, f, 29*time.Second)
		if err != nil || !slices.Contains(f.calls, "register t1") {
			t.Errorf("%v, called %q", err, f.calls)
		}
	})
}

func TestKeepLeavesWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRegistrar()
		f.fail["deregister 1"] = problemError(wire.CodeLeaseLost, "expired", 410)
		if said, err := keep(t, f, time.Second); err != nil || said[len(said)-1] != "It was gone already." {
			t.Errorf("%v, said %q", err, said)
		}
	})
}
