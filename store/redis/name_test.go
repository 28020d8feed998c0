package redis

import (
	"strings"
	"testing"

	"github.com/roster-sd/roster/store"
)

func FuzzName(f *testing.F) {
	f.Add("instance", "user", "1", "instance", "user-admin", "1")
	f.Add("a/b", "c", "d", "a", "b/c", "d")
	f.Add("a%2F", "b", "c", "a/", "b", "c")
	f.Add("a", "b", "c/d", "a", "b/c", "d")
	f.Add("", "", "", "%", "%25", "%2F")
	f.Fuzz(func(t *testing.T, k1, s1, i1, k2, s2, i2 string) {
		a, b := store.Key{Kind: k1, Service: s1, ID: i1}, store.Key{Kind: k2, Service: s2, ID: i2}
		got, err := keyOf(name(a))
		if err != nil || got != a {
			t.Errorf("%q reads back as %q, %v", a, got, err)
		}
		if (name(a) == name(b)) != (a == b) {
			t.Errorf("%q and %q have the names %q and %q", a, b, name(a), name(b))
		}
	})
}

// A span holds the names of its service and of no other, whatever follows in their place.
func TestSpan(t *testing.T) {
	in := func(sp span, name string) bool {
		return name >= sp.from[1:] && name < sp.to[1:]
	}
	user := under("instance/user")
	for _, key := range []store.Key{{Kind: "instance", Service: "user", ID: "1"}, {Kind: "instance", Service: "user", ID: "\xff"}, {Kind: "instance", Service: "user", ID: "/"}} {
		if !in(user, name(key)) {
			t.Errorf("%v is not among its service's", key)
		}
	}
	for _, key := range []store.Key{
		{Kind: "instance", Service: "user-admin", ID: "1"}, {Kind: "instance", Service: "users", ID: "1"}, {Kind: "instance", Service: "user0", ID: "1"},
		{Kind: "instance", Service: "user/1", ID: "1"}, {Kind: "instance", Service: "use", ID: "r/1"}, {Kind: "instances", Service: "user", ID: "1"},
	} {
		if in(user, name(key)) {
			t.Errorf("%v is among those of user", key)
		}
	}
	if !strings.HasPrefix(user.from, "[") || !strings.HasPrefix(user.to, "(") {
		t.Errorf("the span is %q", user)
	}
}

func TestKeyOfRefuses(t *testing.T) {
	for _, text := range []string{"", "a", "a/b"} {
		if key, err := keyOf(text); err == nil {
			t.Errorf("%q is the name of %v", text, key)
		}
	}
}
