package client

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/roster-sd/roster/wire"
)

func TestDenials(t *testing.T) {
	t.Parallel()
	good := reach(t, dead(t), serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/registry/admin/denials" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		_, _ = io.WriteString(w, `{"node":"n1","since":1,"total":3,"denials":[{"time":9,"first":8,"count":3,"kind":"denied","identity":"web","rule":"no"}]}`)
	}))
	got, err := good.Denials(limited(t))
	if want := (wire.Denial{Time: 9, First: 8, Count: 3, Kind: "denied", Identity: "web", Rule: "no"}); err != nil ||
		got.Node != "n1" || got.Since != 1 || got.Total != 3 || len(got.Denials) != 1 || got.Denials[0] != want {
		t.Errorf("%+v, %v", got, err)
	}
	refused := reach(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		problem(w, 403, `{"status":403,"code":"forbidden","detail":"no"}`)
	}))
	if _, err := refused.Denials(limited(t)); !errors.Is(err, ErrForbidden) {
		t.Errorf("%v", err)
	}
}
