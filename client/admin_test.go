package client

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

func TestCheckPolicy(t *testing.T) {
	t.Parallel()
	c := reach(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got, want := string(body), `{"identity":"web","action":"register","serviceName":"orders"}`; r.URL.Path != "/registry/admin/policies/check" || got != want {
			t.Errorf("%s %s", r.URL.Path, got)
		}
		_, _ = io.WriteString(w, `{"allowed":true,"rule":{"index":2,"identity":"w*"},"reason":"so","change":["a"]}`)
	}))
	d, err := c.CheckPolicy(limited(t), wire.PolicyQuestion{Identity: "web", Action: "register", ServiceName: "orders"})
	if err != nil || !d.Allowed || d.Rule == nil || *d.Rule != (wire.PolicyRule{Index: 2, Identity: "w*"}) || d.Reason != "so" || len(d.Change) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestDump(t *testing.T) {
	t.Parallel()
	const head = `{"kind":"registry","node":"n"}` + "\n" + `{"kind":"instance","owner":"o","generation":1,"instance":{"instanceId":"i"}}` + "\n"
	for name, test := range map[string]struct {
		body  string
		kinds string
		err   error
	}{
		"whole":             {head + `{"kind":"end","instances":1}` + "\n", "registry instance end", nil},
		"cut off":           {head, "registry instance", ErrCutOff},
		"cut off in a line": {head + `{"kind":"ins`, "registry instance", errAny},
		"nothing":           {"", "", ErrCutOff},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", wire.ContentTypeLines)
				_, _ = io.WriteString(w, test.body)
			})
			var kinds []string
			var failed error
			for line, err := range reach(t, dead(t), good).Dump(limited(t)) {
				if err != nil {
					failed = err
					continue
				}
				kinds = append(kinds, line.Kind)
			}
			if got := strings.Join(kinds, " "); got != test.kinds || (failed == nil) != (test.err == nil) || test.err != errAny && !errors.Is(failed, test.err) {
				t.Errorf("%s, %v", got, failed)
			}
		})
	}
	refused := reach(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		problem(w, 403, `{"status":403,"code":"forbidden","detail":"no"}`)
	}))
	for _, err := range refused.Dump(limited(t)) {
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("%v", err)
		}
	}
}

var errAny = errors.New("any error")
