package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// offers gives what a shell would be offered after the arguments.
func (w *world) offers(args ...string) []string {
	w.t.Helper()
	if code := w.run(append([]string{"__complete"}, args...)...); code != ExitOK {
		w.t.Errorf("complete %q: exit status %d", args, code)
	}
	lines := strings.Split(strings.TrimSpace(w.out.String()), "\n")
	if last := lines[len(lines)-1]; last != ":4" { // no file names
		w.t.Errorf("complete %q: directive %s", args, last)
	}
	return lines[:len(lines)-1]
}

func TestCompletion(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{
		"GET /registry/services":        services,
		"GET /registry/services/orders": instances(),
	}))
	const all = "[auth orders-and-payments ratings web]"
	const ids = "[orders-7f3k2m9q\t10.0.0.7:3000 b\t[fe80::1]:80 c\torders.example:65535 d\t10.0.0.8:3000]"
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"ls", ""}, all},
		{[]string{"ls", "auth", ""}, "[]"},
		{[]string{"resolve", ""}, all},
		{[]string{"register", ""}, all},
		{[]string{"watch", ""}, all},
		{[]string{"watch", "auth", ""}, all},
		{[]string{"get", "orders", ""}, ids},
		{[]string{"heartbeat", "orders", ""}, ids},
		{[]string{"deregister", "orders", ""}, ids},
		{[]string{"events", "orders", ""}, ids},
		{[]string{"get", "orders", "b", ""}, "[]"},
		{[]string{"health", ""}, "[]"},
		{[]string{"stop", ""}, "[]"},
		{[]string{"ls", "-o", ""}, "[table json yaml]"},
		{[]string{"ls", "--status", ""}, "[starting up draining out_of_service]"},
		{[]string{"resolve", "--strategy", ""}, "[round_robin random weighted recent hash]"},
	} {
		if got := fmt.Sprint(w.offers(test.args...)); got != test.want {
			t.Errorf("after %q: %s, want %s", test.args, got, test.want)
		}
	}
}

func TestCompletionIsSilentWhenItFails(t *testing.T) {
	w := newWorld(t)
	for name, address := range map[string]string{
		"no registry": "", "nobody": nobody(), "nonsense": "nonsense",
		"refused": refuse(t, http.StatusForbidden, `{"code":"forbidden"}`),
	} {
		w.env["ROSTER_ADDRESS"] = address
		for _, args := range [][]string{{"ls", ""}, {"get", "orders", ""}} {
			if got := w.offers(args...); len(got) != 0 || strings.Contains(w.err.String(), "rror") {
				t.Errorf("%s: offers %q, messages %q", name, got, &w.err)
			}
		}
	}
}
