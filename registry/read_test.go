package registry

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// TestDiscover: what an identity may not discover is not there, in any of the reads, and
// whether it exists cannot be told from the answer.
func TestDiscover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{policy: auth.Policy{Rules: []auth.Rule{
			{Identity: "orders", Register: []string{"*"}, Discover: []string{"*"}},
			{Identity: "billing", Discover: []string{"bill*", "public"}},
			{Identity: "root", Admin: true},
		}}})
		for _, s := range []string{"secret", "billing", "public", "hidden"} {
			if _, err := n.Register(t.Context(), orders, registration(s, "o1")); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct {
			who  string
			want string
		}{
			{"orders", "[{billing 1 1 false} {hidden 1 1 false} {public 1 1 false} {secret 1 1 false}]"},
			{"billing", "[{billing 1 1 false} {public 1 1 false}]"},
			{"root", "[]"},
			{"nobody", "[]"},
			{"", "[]"},
		} {
			lines, changed, rev, err := n.Services(t.Context(), Caller{Identity: tc.who}, false)
			if fmt.Sprint(lines) != tc.want || err != nil || rev != catalog.Pure(n.Catalog().Revision()) || changed.IsZero() {
				t.Errorf("%s: %v at %v, %v", tc.who, lines, changed, err)
			}
		}
		// The list that all share was not cut for one.
		if lines, _, _ := n.Catalog().Services(); len(lines) != 4 {
			t.Errorf("the catalog's own list: %v", lines)
		}
		told := func(service, id string) (answers []string) {
			_, one := n.Service(t.Context(), billing, service, false)
			_, two := n.Service(t.Context(), billing, service, true)
			_, _, three := n.Instance(t.Context(), billing, service, id, false)
			_, _, four := n.Instance(t.Context(), billing, service, id, true)
			_, five := n.Resolve(t.Context(), billing, service, catalog.Choice{}, false)
			_, six := n.Select(billing, []string{"public", service})
			for _, err := range []error{one, two, three, four, five, six} {
				answers = append(answers, fmt.Sprint(err))
			}
			return answers
		}
		if got := told("public", "o1"); fmt.Sprint(got) != "[<nil> <nil> <nil> <nil> <nil> <nil>]" {
			t.Errorf("what is allowed: %v", got)
		}
		there, not := told("secret", "o1"), told("absent", "o1")
		for i := range there {
			if want := fmt.Sprint(not[i]); strings.ReplaceAll(there[i], "secret", "absent") != want || want == "<nil>" {
				t.Errorf("answer %d tells: %s, and for what is not there: %s", i, there[i], want)
			}
		}
		if n.store.calls("list") > 1+2 { // the first, and two of what is allowed
			t.Errorf("%d lists: some were for what may not be seen", n.store.calls("list"))
		}

		allowed, err := n.Select(billing, nil)
		if err != nil || !allowed.Allows("public") || !allowed.Allows("billing") || allowed.Allows("secret") || allowed.Allows("absent") {
			t.Errorf("a watch of all: %v", err)
		}
		events, err := n.Events(t.Context(), billing, "", "", 100)
		if got := services(events); err != nil || got != "billing public " {
			t.Errorf("events of %s, %v", got, err)
		}
		events, err = n.Events(t.Context(), billing, "secret", "", 100)
		if got := services(events); err != nil || got != "" {
			t.Errorf("events of %s, %v", got, err)
		}
		for range events {
			break // leaving early is allowed
		}
	})
}

func services(events iter.Seq[store.Event]) string {
	out := ""
	for ev := range events {
		out += ev.Key().Service + " "
	}
	return out
}

func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		for _, consistent := range []bool{false, true} {
			view, err := n.Service(t.Context(), orders, "unknown", consistent)
			if err != nil || view.Len() != 0 || view.Name != "unknown" || view.Changed.IsZero() {
				t.Errorf("an unknown service: %+v, %v", view, err)
			}
			out, err := n.Resolve(t.Context(), orders, "unknown", catalog.Choice{}, consistent)
			if wantErr(t, "resolve of an unknown service", err, "not_found"); out.At.IsZero() {
				t.Error("no revision with the answer")
			}
			_, rev, err := n.Instance(t.Context(), orders, "unknown", "x", consistent)
			if wantErr(t, "an unknown instance", err, "not_found"); rev.IsZero() {
				t.Error("no revision with the answer")
			}
			_, err = n.Service(t.Context(), orders, "a/b", consistent)
			wantErr(t, "a bad name", err, "invalid_request")
			_, err = n.Resolve(t.Context(), orders, "-a", catalog.Choice{}, consistent)
			wantErr(t, "a bad name", err, "invalid_request")
			_, _, err = n.Instance(t.Context(), orders, "", "..", consistent)
			if wantErr(t, "two bad names", err, "invalid_request"); len(err.(*Error).Fields) != 2 {
				t.Errorf("%v", err)
			}
		}
		_, err := n.Select(orders, []string{"a", "b c"})
		wantErr(t, "a watch of a bad name", err, "invalid_request")
		_, err = n.Events(t.Context(), orders, "b c", "..", 1)
		if wantErr(t, "events of bad names", err, "invalid_request"); len(err.(*Error).Fields) != 2 {
			t.Errorf("%v", err)
		}

		reg := registration("orders", "o1")
		reg.Instance.Status = store.StatusDraining
		if _, err := n.Register(t.Context(), orders, reg); err != nil {
			t.Fatal(err)
		}
		for _, consistent := range []bool{false, true} {
			_, err = n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, consistent)
			if wantErr(t, "none that is up", err, "unavailable"); err.(*Error).RetryAfter <= 0 {
				t.Errorf("%#v", err)
			}
			item, err := n.Resolve(t.Context(), orders, "orders", catalog.Choice{Filter: catalog.Filter{Status: store.StatusDraining}}, consistent)
			if wantErr(t, "asked for as it is", err, "ok"); item.Packed() == nil || item.Record().Key.ID != "o1" {
				t.Errorf("%+v", item)
			}
		}
		pass(31 * time.Second)
		_, err = n.Resolve(t.Context(), orders, "orders", catalog.Choice{}, false)
		wantErr(t, "after it expired", err, "not_found")
		if got := n.Stats().Resolved.Load(); got == 0 {
			t.Error("no resolve was counted")
		}
	})
}
