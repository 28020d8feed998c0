package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// TestChoosePort: processes that start together begin at different ports, and one port after
// the other is looked at.
func TestChoosePort(t *testing.T) {
	first := map[int]int{}
	for pid := 1000; pid < 1000+portCount; pid++ {
		at := firstPort + pid*portStride%portCount
		if other, twice := first[at]; twice {
			t.Fatalf("processes %d and %d both begin at %d", other, pid, at)
		}
		first[at] = pid
	}
	port, err := choosePort(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if free(port) {
		t.Errorf("port %d counts as free", port)
	}
	for try := range 3 {
		if again, err := choosePort(1, try); err != nil || again == port || again < firstPort || again >= firstPort+portCount {
			t.Errorf("try %d: port %d, %v", try, again, err)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		given string
		local bool
		want  string
	}{
		{"", true, "127.0.0.1 ::1"}, {"", false, "127.0.0.1 ::1"},
		{"10.0.0.1", true, "10.0.0.1"}, {"host.example", false, "127.0.0.1 ::1 host.example"},
	} {
		if got := strings.Join(hosts(c.given, c.local), " "); got != c.want {
			t.Errorf("%q, local %t: %s, want %s", c.given, c.local, got, c.want)
		}
	}
}

// TestAwaitPort: it gives the host that accepts, and says at times that none does.
func TestAwaitPort(t *testing.T) {
	s := httptest.NewServer(nil)
	defer s.Close()
	port := s.Listener.Addr().(*net.TCPAddr).Port
	host, err := awaitPort(t.Context(), hosts("", true), port, time.Minute, func() { t.Error("late") })
	if err != nil || host != "127.0.0.1" {
		t.Errorf("host %q, %v", host, err)
	}
	closed := httptest.NewServer(nil)
	nobody := closed.Listener.Addr().(*net.TCPAddr).Port
	closed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var late atomic.Int32
	_, err = awaitPort(ctx, hosts("127.0.0.1", true), nobody, 5*time.Millisecond, func() { late.Add(1); cancel() })
	if !errors.Is(err, context.Canceled) || late.Load() == 0 {
		t.Errorf("said %d times, %v", late.Load(), err)
	}
}

func TestVariables(t *testing.T) {
	w := newWorld(t)
	s := &session{env: Env{Getenv: func(name string) string { return w.env[name] }}}
	local, err := s.remote()
	if err != nil {
		t.Fatal(err)
	}
	got := (&runner{local: true}).variables([]string{"PORT", "P"}, 3000, local)
	if fmt.Sprint(got) != "map[P:3000 PORT:3000]" {
		t.Errorf("local: %v", got)
	}
	w.env["ROSTER_ADDRESS"], w.env["ROSTER_CERT"] = "a:1, b:2", "cert"
	remote, err := s.remote()
	if err != nil {
		t.Fatal(err)
	}
	got = (&runner{}).variables([]string{"PORT"}, 3000, remote)
	if fmt.Sprint(got) != "map[PORT:3000 ROSTER_ADDRESS:a:1,b:2 ROSTER_CERT:cert]" {
		t.Errorf("remote: %v", got)
	}
	t.Setenv("PORT", "1")
	env := setVariables(got)
	if at := slices.Index(env, "PORT=3000"); at < slices.Index(env, "PORT=1") {
		t.Errorf("the port that is passed stands at %d, before the one that was there", at)
	}
}

func TestOutcome(t *testing.T) {
	for script, want := range map[string]string{
		"exit 0": "0, exit status 0", "exit 42": "42, exit status 42", "kill -TERM $$": "143, ended by signal: terminated",
	} {
		cmd := exec.Command("sh", "-c", script)
		err := cmd.Run()
		if code, how := outcome(cmd.ProcessState, err); fmt.Sprintf("%d, %s", code, how) != want {
			t.Errorf("%s: %d, %s; want %s", script, code, how, want)
		}
	}
	if code, how := outcome(nil, errors.New("no child")); code != ExitError || !strings.Contains(how, "no child") {
		t.Errorf("not waited for: %d, %s", code, how)
	}
}

// TestStatus: the end of a command is the exit status, and nothing is said of it.
func TestStatus(t *testing.T) {
	var b strings.Builder
	Report(&b, fmt.Errorf("run: %w", status(42)))
	if code := ExitCode(status(42)); code != 42 || b.Len() != 0 {
		t.Errorf("exit status %d, messages %q", code, &b)
	}
}

// tenureAt is a tenure in the registry at the address, and what it says.
func tenureAt(t *testing.T, address string) (*tenure, *strings.Builder) {
	t.Helper()
	c, err := client.New(client.Options{Addresses: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var said strings.Builder
	return &tenure{r: &runner{s: &session{env: Env{Stderr: &said}}, c: c, local: true}}, &said
}

// TestTenureTellsOnce: of an instance that is registered, and deregistered in the end.
func TestTenureTellsOnce(t *testing.T) {
	var reg wire.Registration
	left := make(chan string, 1)
	tenure, said := tenureAt(t, handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			left <- r.URL.Path
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&reg); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(wire.Registered{Token: "t", TTL: 30000,
			Instance: wire.Instance{ServiceName: reg.ServiceName, InstanceID: reg.InstanceID, Address: reg.Address, Port: reg.Port}})
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	in := wire.Registration{ServiceName: "orders", Port: 1, Address: "127.0.0.1", PID: 4711}
	var err error
	if tenure.reg, err = tenure.r.c.Register(ctx, in, client.RegisterOptions{NoPID: true}); err != nil {
		t.Fatal(err)
	}
	tenure.news(client.Registered)
	tenure.news(client.Registered) // nothing new
	if want := fmt.Sprintf("roster: orders/%s is registered at 127.0.0.1:1\n", reg.InstanceID); said.String() != want || reg.PID != 4711 {
		t.Errorf("said %q, want %q; process %d", said, want, reg.PID)
	}
	tenure.leave()
	if path := <-left; path != "/registry/services/orders/"+reg.InstanceID {
		t.Errorf("deregistered %s", path)
	}
}

// TestTenureTellsOfTrouble: once, and of its end.
func TestTenureTellsOfTrouble(t *testing.T) {
	tenure, said := tenureAt(t, nobody())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- tenure.run(ctx, wire.Registration{ServiceName: "orders", Port: 1}) }()
	time.AfterFunc(3*troubleTime, cancel) // it looks more than once by then
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	tenure.leave()
	if got := said.String(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "roster: not registered yet, trying on: ") {
		t.Errorf("said %q", got)
	}
}

// TestTenureRefused: what the registry refuses is the error, and nothing is registered.
func TestTenureRefused(t *testing.T) {
	tenure, said := tenureAt(t, refuse(t, http.StatusForbidden, `{"status":403,"code":"forbidden","title":"Forbidden"}`))
	err := tenure.run(t.Context(), wire.Registration{ServiceName: "orders", Port: 1})
	if !errors.Is(err, client.ErrForbidden) || tenure.was || said.Len() != 0 {
		t.Errorf("%v, said %q", err, said)
	}
	tenure.leave()
}
