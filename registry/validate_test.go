package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// TestCheck is every rule of every field, from both sides, and then all at once.
func TestCheck(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	pairs := func(n, size int) (out []store.Pair) {
		for i := range n {
			out = append(out, store.Pair{Key: fmt.Sprintf("k%03d", i), Value: strings.Repeat("v", size)})
		}
		return out
	}
	r := New(Options{Leases: lease.DefaultPolicy})
	for _, tc := range []struct {
		name   string
		change func(*Registration)
		want   string // fields, in order
	}{
		{"good", func(*Registration) {}, ""},
		{"one letter", func(r *Registration) { r.Service = "a" }, ""},
		{"longest service", func(r *Registration) { r.Service = strings.Repeat("a", 63) }, ""},
		{"service too long", func(r *Registration) { r.Service = strings.Repeat("a", 64) }, "serviceName"},
		{"no service", func(r *Registration) { r.Service = "" }, "serviceName"},
		{"service that ends in a dash", func(r *Registration) { r.Service = "a-" }, "serviceName"},
		{"service with a slash", func(r *Registration) { r.Service = "a/b" }, "serviceName"},
		{"service with a line end", func(r *Registration) { r.Service = "a\n" }, "serviceName"},
		{"made ID", func(r *Registration) { r.ID = "" }, ""},
		{"longest ID", func(r *Registration) { r.ID = strings.Repeat("a", 128) }, ""},
		{"ID too long", func(r *Registration) { r.ID = strings.Repeat("a", 129) }, "instanceId"},
		{"ID that is a folder", func(r *Registration) { r.ID = ".." }, "instanceId"},
		{"ID with a space", func(r *Registration) { r.ID = "a b" }, "instanceId"},
		{"the caller's address", func(r *Registration) { r.Instance.Address = "" }, ""},
		{"IPv6", func(r *Registration) { r.Instance.Address = "2001:db8::1" }, ""},
		{"DNS name", func(r *Registration) { r.Instance.Address = "a-1.example.org" }, ""},
		{"address with a port", func(r *Registration) { r.Instance.Address = "10.0.0.1:80" }, "address"},
		{"address of too many parts", func(r *Registration) { r.Instance.Address = "10.0.0.1.2" }, "address"},
		{"address with a zone", func(r *Registration) { r.Instance.Address = "fe80::1%eth0" }, "address"},
		{"no port", func(r *Registration) { r.Instance.Port = 0 }, "port"},
		{"the highest port", func(r *Registration) { r.Instance.Port = 65535 }, ""},
		{"no weight", func(r *Registration) { r.Instance.Weight = 0 }, "weight"},
		{"least weight", func(r *Registration) { r.Instance.Weight = 1 }, ""},
		{"most weight", func(r *Registration) { r.Instance.Weight = 10_000 }, ""},
		{"too much weight", func(r *Registration) { r.Instance.Weight = 10_001 }, "weight"},
		{"no status", func(r *Registration) { r.Instance.Status = "" }, "status"},
		{"unknown status", func(r *Registration) { r.Instance.Status = "UP" }, "status"},
		{"starting", func(r *Registration) { r.Instance.Status = store.StatusStarting }, ""},
		{"out of service", func(r *Registration) { r.Instance.Status = store.StatusOutOfService }, ""},
		{"longest texts", func(r *Registration) {
			in, text := &r.Instance, long[1:]
			in.Protocol, in.Version, in.Env, in.Zone, in.Role = text, text, text, text, text
		}, ""},
		{"texts too long", func(r *Registration) {
			in := &r.Instance
			in.Protocol, in.Version, in.Env, in.Zone, in.Role = long, long, long, long, long
		}, "protocol version env zone role"},
		{"control characters", func(r *Registration) {
			in := &r.Instance
			in.Protocol, in.Version, in.Env, in.Zone, in.Role = "\x00", "a\tb", "\x7f", "\u0085", "a\r\n"
		}, "protocol version env zone role"},
		{"not UTF-8", func(r *Registration) { r.Instance.Zone = "\xc3\x28" }, "zone"},
		{"UTF-8", func(r *Registration) { r.Instance.Zone = "Zürich 東京" }, ""},
		{"PID", func(r *Registration) { r.Instance.PID = 1<<31 - 1 }, ""},
		{"negative PID", func(r *Registration) { r.Instance.PID = -1 }, "pid"},
		{"PID too high", func(r *Registration) { r.Instance.PID = 1 << 31 }, "pid"},
		{"most tags", func(r *Registration) { r.Instance.Tags = make64("t") }, ""},
		{"too many tags", func(r *Registration) { r.Instance.Tags = append(make64("t"), "more", "") }, "tags"},
		{"bad tags", func(r *Registration) { r.Instance.Tags = []string{"", "fine", long, "a\nb"} }, "tags[0] tags[2] tags[3]"},
		{"most metadata", func(r *Registration) { r.Instance.Metadata = pairs(64, 124) }, ""},
		{"too many entries", func(r *Registration) { r.Instance.Metadata = pairs(65, 0) }, "metadata"},
		{"a byte too many", func(r *Registration) {
			r.Instance.Metadata = append(pairs(63, 124), store.Pair{Key: "k063", Value: strings.Repeat("v", 125)})
		}, "metadata"},
		{"empty key", func(r *Registration) { r.Instance.Metadata = []store.Pair{{Value: "v"}} }, "metadata"},
		{"long key", func(r *Registration) { r.Instance.Metadata = []store.Pair{{Key: long}} }, "metadata"},
		{"key twice", func(r *Registration) { r.Instance.Metadata = []store.Pair{{Key: "b"}, {Key: "a"}, {Key: "b"}} }, "metadata.b"},
		{"value with a line end", func(r *Registration) { r.Instance.Metadata = []store.Pair{{Key: "a", Value: "{\n\t\r}"}} }, ""},
		{"value with a control character", func(r *Registration) { r.Instance.Metadata = []store.Pair{{Key: "a", Value: "\x1b"}} }, "metadata.a"},
		{"value that is not UTF-8", func(r *Registration) { r.Instance.Metadata = []store.Pair{{Key: "a", Value: "\xff"}} }, "metadata.a"},
		{"note", func(r *Registration) { r.Note = strings.Repeat("n", maxNote) }, ""},
		{"long note", func(r *Registration) { r.Note = strings.Repeat("n", maxNote+1) }, "note"},
		{"note with control characters", func(r *Registration) { r.Note = "a\nb" }, "note"},
		{"short TTL", func(r *Registration) { r.TTL, r.HasTTL = time.Millisecond, true }, ""},
		{"longest TTL", func(r *Registration) { r.TTL, r.HasTTL = time.Hour, true }, ""},
		{"TTL of nothing", func(r *Registration) { r.TTL, r.HasTTL = 0, true }, "ttl"},
		{"negative TTL", func(r *Registration) { r.TTL, r.HasTTL = -time.Second, true }, "ttl"},
		{"TTL too long", func(r *Registration) { r.TTL, r.HasTTL = time.Hour+1, true }, "ttl"},
		{"all", func(r *Registration) {
			*r = Registration{ID: "/", TTL: -1, HasTTL: true, Note: "\n", Instance: store.Instance{Address: "?", Protocol: "\n", Version: "\n",
				Env: "\n", Zone: "\n", Role: "\n", PID: -1, Tags: []string{""}, Metadata: []store.Pair{{Value: "\x00"}}}}
		}, "serviceName instanceId address port weight status protocol version env zone role pid tags[0] metadata metadata. note ttl"},
	} {
		reg := registration("orders", "o1")
		tc.change(&reg)
		var got []string
		for _, e := range r.Check(&reg) {
			got = append(got, e.Field)
			if e.Message == "" || len(e.Message) > 200 {
				t.Errorf("%s: of %s it says %q", tc.name, e.Field, e.Message)
			}
		}
		if text := strings.Join(got, " "); text != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, text, tc.want)
		}
	}
}

func make64(s string) []string {
	out := make([]string, maxTags)
	for i := range out {
		out[i] = s
	}
	return out
}

// TestInvalidRegistration: nothing of a bad request reaches the store, and the caller is
// told of all of it, whoever it is.
func TestInvalidRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		reg := registration("-", "o1")
		reg.Instance.Port = 0
		_, err := n.Register(t.Context(), orders, reg)
		wantErr(t, "register", err, "invalid_request")
		var e *Error
		if !errors.As(err, &e) || len(e.Fields) != 2 || n.store.calls("register") != 0 {
			t.Errorf("%v, %d calls", err, n.store.calls("register"))
		}
		for _, want := range []string{"serviceName: " + ruleService, "port: " + rulePort, "invalid_request: "} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	})
}

// TestQuote: what a caller sent is shown in a form that cannot be mistaken for more.
func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"a":                      `"a"`,
		"a\"\n\x1b":              `"a\"\n\x1b"`,
		strings.Repeat("ä", 100): `"` + strings.Repeat("ä", 40) + `…"`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}
