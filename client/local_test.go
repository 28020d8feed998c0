package client

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
	"github.com/roster-sd/roster/wire"
)

func TestAddressesOfTheEnvironment(t *testing.T) {
	env := map[string]string{"ROSTER_ADDRESS": " a:1, ,b:2", "ROSTER_CA": "ca", "ROSTER_CERT": "cert", "ROSTER_KEY": "key"}
	for name, test := range map[string]struct {
		opts, want Options
		env        map[string]string
	}{
		"all":                 {Options{}, Options{Addresses: []string{"a:1", "b:2"}, CAFile: "ca", CertFile: "cert", KeyFile: "key"}, env},
		"own files":           {Options{CAFile: "x"}, Options{Addresses: []string{"a:1", "b:2"}, CAFile: "x", CertFile: "cert", KeyFile: "key"}, env},
		"own addresses":       {Options{Addresses: []string{"c:3"}}, Options{Addresses: []string{"c:3"}}, env},
		"no address":          {Options{}, Options{}, map[string]string{"ROSTER_CA": "ca"}},
		"nothing at all":      {Options{}, Options{}, nil},
		"only commas":         {Options{}, Options{}, map[string]string{"ROSTER_ADDRESS": ", ,"}},
		"files for the local": {Options{KeyFile: "x"}, Options{KeyFile: "x"}, nil},
	} {
		err := test.opts.fromEnvironment(func(name string) string { return test.env[name] })
		if (err != nil) != (name == "files for the local") || !slices.Equal(test.opts.Addresses, test.want.Addresses) ||
			test.opts.CAFile != test.want.CAFile || test.opts.CertFile != test.want.CertFile || test.opts.KeyFile != test.want.KeyFile {
			t.Errorf("%s: %+v, %v", name, test.opts, err)
		}
	}
}

// home stands for this user's machine: where its registry is, and how often it was looked for.
type home struct {
	mu    sync.Mutex
	at    string
	err   error
	looks atomic.Int32
}

func (h *home) set(at string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at, h.err = at, err
}

func (h *home) find(context.Context, bool) (devfile.Info, error) {
	h.looks.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return devfile.Info{}, h.err
	}
	u, err := url.Parse(h.at)
	if err != nil {
		return devfile.Info{}, err
	}
	port, err := strconv.Atoi(u.Port())
	return devfile.Info{Host: u.Hostname(), Port: port, PID: 1}, err
}

func atHome(t *testing.T, h *home) *Client {
	t.Helper()
	t.Setenv("ROSTER_ADDRESS", "")
	c, err := New(Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.local.find = h.find
	return c
}

// A local registry that is started anew on another port is found again: by calls, by what
// was registered there, and by those who watch.
func TestLocalRegistryMoves(t *testing.T) {
	first, stop := registryAt(t)
	h := &home{at: first}
	c := atHome(t, h)
	if c.Addresses() != nil || h.looks.Load() != 0 {
		t.Error("New has looked for the registry")
	}
	ttl := int64(2000)
	in := orders
	in.TTL = &ttl
	r, err := c.Register(limited(t), in, RegisterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if in := r.Instance(); in.PID == 0 {
		t.Errorf("a local registry was not told the process: %+v", in)
	}
	resolver, err := c.Resolver("orders", ResolverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer resolver.Close()
	if err := resolver.Ready(limited(t)); err != nil {
		t.Fatal(err)
	}
	if h.looks.Load() != 1 || !slices.Equal(c.Addresses(), []string{first}) {
		t.Errorf("looked %d times, and found %v", h.looks.Load(), c.Addresses())
	}

	stop()
	second, _ := registryAt(t)
	h.set(second, nil)
	if got, err := c.Services(limited(t), ReadOptions{}); err != nil || len(got.Services) > 1 {
		t.Errorf("%+v, %v", got, err)
	}
	direct := reach(t, second)
	ctx := limited(t)
	for {
		got, err := direct.Instance(ctx, ref1, ReadOptions{})
		if err == nil && got.Address != "" {
			break
		}
		if sleep(ctx, ctx, 10*time.Millisecond); ctx.Err() != nil {
			t.Fatalf("it is not registered there: %v", err)
		}
	}
	for resolver.Stale() {
		if sleep(ctx, ctx, 10*time.Millisecond); ctx.Err() != nil {
			t.Fatalf("it is not watched there: %v", resolver.Err())
		}
	}
	if _, err := resolver.Resolve(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	_, err = direct.Instance(limited(t), ref1, ReadOptions{})
	ends(t, err, ErrNotFound)
}

func TestLocalRegistryThatCannotBeStarted(t *testing.T) {
	h := &home{err: errors.New("no roster on the PATH")}
	c := atHome(t, h)
	_, err := c.Services(limited(t), ReadOptions{})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no roster on the PATH") {
		t.Errorf("error %v", err)
	}
	var all sync.WaitGroup
	gone := dead(t)
	h.set(gone, nil)
	if _, err = c.Services(limited(t), ReadOptions{}); !strings.Contains(err.Error(), strings.TrimPrefix(gone, "http://")) {
		t.Errorf("error %v", err)
	}
	// Many who call at once look for it once.
	here, _ := registryAt(t)
	h.set(here, nil)
	c.local.find = func(ctx context.Context, lost bool) (devfile.Info, error) {
		sleep(ctx, ctx, 50*time.Millisecond) // for the others to come
		return h.find(ctx, lost)
	}
	h.looks.Store(0)
	for range 20 {
		all.Go(func() {
			if _, err := c.Services(limited(t), ReadOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if h.looks.Load() != 1 {
		t.Errorf("looked %d times", h.looks.Load())
	}
}

// A registry that was killed is started again, one that was stopped is not.
func TestLocalRegistryThatWasStopped(t *testing.T) {
	dir := t.TempDir()
	start := func(opts LocalOptions, lost bool) string {
		opts.TempDir, opts.Binary = dir, dir+"/no-such-program"
		_, err := newLocal(opts).find(limited(t), lost)
		if err == nil {
			t.Fatal("a registry was found")
		}
		return err.Error()
	}
	if got := start(LocalOptions{}, false); !strings.Contains(got, "no-such-program") {
		t.Errorf("where there was none: %s", got)
	}
	if got := start(LocalOptions{}, true); !strings.Contains(got, "it was stopped") {
		t.Errorf("after it was stopped: %s", got)
	}
	if got := start(LocalOptions{NoStart: true}, false); strings.Contains(got, "no-such-program") {
		t.Errorf("it was started nevertheless: %s", got)
	}
	ended := exec.Command(os.Args[0], "-test.run", "^$")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := devfile.Write(dir, devfile.Info{Host: "127.0.0.1", Port: 1, PID: ended.Process.Pid}); err != nil {
		t.Fatal(err)
	}
	if got := start(LocalOptions{}, true); !strings.Contains(got, "no-such-program") {
		t.Errorf("after it was killed: %s", got)
	}
	l := newLocal(LocalOptions{TempDir: dir, Binary: dir + "/no-such-program"})
	if _, err := l.find(context.WithValue(limited(t), leaving{}, true), true); err == nil || strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("for one that leaves: %v", err)
	}
}

// A call whose outcome is not known is not made again, there or elsewhere.
func TestLocalRegistryDoesNotRepeat(t *testing.T) {
	var calls atomic.Int32
	h := &home{at: serve(t, cutOffAfter(&calls))}
	c := atHome(t, h)
	in := orders
	in.InstanceID = ""
	if _, err := c.RegisterOnce(limited(t), in, ""); err == nil || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	if _, err := c.Heartbeat(limited(t), ref, "t"); err == nil || calls.Load() != 3 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	var e *Error
	_, err := c.RegisterOnce(limited(t), wire.Registration{ServiceName: "a", InstanceID: "b", Port: 1}, "")
	if !errors.As(err, &e) || !e.sent {
		t.Errorf("%v is not known to be unclear", err)
	}
}

func TestIsLocal(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": true, "http://[::1]:1": true, "localhost:80": true, "https://127.0.0.1:1": false, "10.0.0.1:1": false} {
		if got := reach(t, address).isLocal(); got != want {
			t.Errorf("%s is local: %v", address, got)
		}
	}
	if reach(t, "127.0.0.1:1", "https://10.0.0.1:1").isLocal() {
		t.Error("one of two is not local")
	}
}

// Where no registry can be started, that is said at once, and not when the patience is over.
func TestRegisterWhereNoneCanBeStarted(t *testing.T) {
	t.Setenv("ROSTER_ADDRESS", "")
	t.Setenv("ROSTER_NO_START", "")
	dir := t.TempDir()
	c, err := New(Options{Local: LocalOptions{TempDir: dir, Binary: dir + "/no-such-program"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	said := func(what string, err error) {
		t.Helper()
		if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no-such-program") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = c.Register(limited(t), orders, RegisterOptions{})
	said("Register", err)
	background, err := c.Register(limited(t), orders, RegisterOptions{NoWait: true})
	if err != nil {
		t.Fatal(err)
	}
	for ctx := limited(t); background.Err() == nil && ctx.Err() == nil; {
		sleep(ctx, ctx, time.Millisecond)
	}
	said("in the background", background.Err())
	if s := background.State(); s != Registering {
		t.Errorf("it is %v in the background", s)
	}
	if err := background.Close(); err != nil {
		t.Error(err)
	}
	r, err := c.Resolver("orders", ResolverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	said("Ready", r.Ready(limited(t)))
}
