package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/auth"
)

func TestNewToken(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		token, digest, err := auth.NewToken()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
		if err != nil || len(raw) != 32 || len(token) != auth.TokenLength {
			t.Fatalf("token of %d characters, %d bytes, %v", len(token), len(raw), err)
		}
		if again, ok := auth.Digest(token); !ok || again != digest || digest != sha256.Sum256([]byte(token)) {
			t.Fatalf("digests differ: %x, %x, %v", digest, again, ok)
		}
		if seen[token] {
			t.Fatal("the same token twice")
		}
		seen[token] = true
	}
}

func TestDigestRefusesWhatIsNoToken(t *testing.T) {
	good, _, err := auth.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		"empty":           "",
		"short":           good[:42],
		"long":            good + "A",
		"padded":          good + "=",
		"standard base64": "+" + good[1:],
		"slash":           "/" + good[1:],
		"space":           " " + good[1:],
		"zero byte":       good[:10] + "\x00" + good[11:],
		"not ASCII":       good[:10] + "\xff" + good[11:],
		"spare bits set":  good[:42] + "B",
		"very long":       strings.Repeat("A", 1<<16),
	}
	for name, token := range bad {
		if digest, ok := auth.Digest(token); ok || digest != ([32]byte{}) {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzDigest(f *testing.F) {
	f.Add("")
	f.Add(strings.Repeat("A", 43))
	f.Add(strings.Repeat("A", 42) + "B")
	f.Fuzz(func(t *testing.T, token string) {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
		// The decoder of the standard library skips line breaks.
		want := err == nil && len(raw) == 32 && len(token) == 43
		if digest, ok := auth.Digest(token); ok != want || ok != (digest == sha256.Sum256([]byte(token))) {
			t.Fatalf("%q: got %v, want %v", token, ok, want)
		}
	})
}

func TestPairExpiry(t *testing.T) {
	a, b, c := [32]byte{1}, [32]byte{2}, [32]byte{3}
	p := auth.Pair{Used: a, UsedExpires: 1000, Newest: b, NewestExpires: 2000, HasNewest: true}
	tests := []struct {
		name   string
		pair   auth.Pair
		digest [32]byte
		now    int64
		want   auth.Verdict
	}{
		{"used", p, a, 999, auth.Valid},
		{"used, at its expiry", p, a, 1000, auth.Expired},
		{"newest", p, b, 0, auth.ValidNewest},
		{"newest, after the other ran out", p, b, 1999, auth.ValidNewest},
		{"newest, at its expiry", p, b, 2000, auth.Expired},
		{"another", p, c, 0, auth.Unknown},
		{"never expires", auth.First(a, 0), a, math.MaxInt64, auth.Valid},
		{"newest that never expires", auth.Pair{Used: a, UsedExpires: 1, Newest: b, HasNewest: true}, b, math.MaxInt64, auth.ValidNewest},
		{"newest without the flag", auth.Pair{Used: a, Newest: b}, b, 0, auth.Unknown},
		{"zeros against no tokens", auth.Pair{}, [32]byte{}, 0, auth.Unknown},
		{"zeros against a newest of zeros", auth.Pair{Used: a, HasNewest: true}, [32]byte{}, 0, auth.Unknown},
		{"after promotion, the older", p.Promote(), a, 0, auth.Unknown},
		{"after promotion, the newer", p.Promote(), b, 1999, auth.Valid},
		{"promotion without a newest", auth.First(a, 0).Promote(), a, 0, auth.Valid},
	}
	for _, tt := range tests {
		if got := tt.pair.Check(tt.digest, tt.now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPairRotate(t *testing.T) {
	a, b, c := [32]byte{1}, [32]byte{2}, [32]byte{3}
	const grace = 500 * time.Millisecond
	p := auth.Pair{Used: a, UsedExpires: 1000, Newest: b, NewestExpires: 2000, HasNewest: true}
	tests := []struct {
		name   string
		pair   auth.Pair
		digest [32]byte
		now    int64
		grace  time.Duration
		want   auth.Pair
		err    error
	}{
		{"first", auth.First(a, 1000), a, 0, grace, auth.Pair{a, 1000, c, 9000, true}, nil},
		{"with the older: replaces the unused", p, a, 0, grace, auth.Pair{a, 1000, c, 9000, true}, nil},
		{"with the newest: its first use", p, b, 0, grace, auth.Pair{b, 2000, c, 9000, true}, nil},
		{"expired, last moment of the grace", p, a, 1499, grace, auth.Pair{a, 1000, c, 9000, true}, nil},
		{"expired, after the grace", p, a, 1500, grace, auth.Pair{}, auth.ErrTokenExpired},
		{"newest, after the grace of the older", p, b, 1500, grace, auth.Pair{b, 2000, c, 9000, true}, nil},
		{"newest, after its own grace", p, b, 2500, grace, auth.Pair{}, auth.ErrTokenExpired},
		{"no grace", p, a, 1000, 0, auth.Pair{}, auth.ErrTokenExpired},
		{"a negative grace takes nothing away", p, a, 999, -grace, auth.Pair{a, 1000, c, 9000, true}, nil},
		{"never expires", auth.First(a, 0), a, math.MaxInt64, grace, auth.Pair{a, 0, c, 9000, true}, nil},
		{"unknown", p, c, 0, grace, auth.Pair{}, auth.ErrTokenUnknown},
		{"dead", p.Promote(), a, 0, grace, auth.Pair{}, auth.ErrTokenUnknown},
		{"zeros", auth.Pair{}, [32]byte{}, 0, grace, auth.Pair{}, auth.ErrTokenUnknown},
	}
	for _, tt := range tests {
		got, err := tt.pair.Rotate(tt.digest, c, 9000, tt.now, tt.grace)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func TestTokensAllocateNothing(t *testing.T) {
	token, digest, err := auth.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	p := auth.First(digest, 0)
	if n := testing.AllocsPerRun(100, func() {
		if d, ok := auth.Digest(token); !ok || !p.Check(d, 1).OK() {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Fatalf("%v allocations a check", n)
	}
}

func BenchmarkDigest(b *testing.B) {
	token, _, _ := auth.NewToken()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := auth.Digest(token); !ok {
			b.Fatal("refused")
		}
	}
}

func BenchmarkDigestAndCheck(b *testing.B) {
	token, digest, _ := auth.NewToken()
	p := auth.First(digest, 0)
	b.ReportAllocs()
	for b.Loop() {
		if d, ok := auth.Digest(token); !ok || !p.Check(d, 1).OK() {
			b.Fatal("refused")
		}
	}
}
