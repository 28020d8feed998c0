package auth_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/roster-sd/roster/auth"
	"pgregory.net/rapid"
)

const propertyGrace = 200 * time.Millisecond

// tokenServer holds the state of one instance as the registry does, and beside it the
// rules once more, naively: which token was last used and which is the newest.
type tokenServer struct {
	pair         auth.Pair
	now          int64
	minted       int            // token n has the digest of n; tokens are counted from 1
	expires      map[int]int64  // of each token
	used, newest int            // newest is 0 when there is none unused
	dead         map[int]string // and why
}

func tokenDigest(n int) (d [32]byte) {
	binary.BigEndian.PutUint64(d[24:], uint64(n))
	return d
}

func newTokenServer(expires int64) *tokenServer {
	return &tokenServer{
		pair: auth.First(tokenDigest(1), expires), minted: 1, used: 1,
		expires: map[int]int64{1: expires}, dead: map[int]string{},
	}
}

// use is the first use of the newest, or any use of the other.
func (s *tokenServer) use(token int) {
	if token == s.newest {
		s.dead[s.used] = "superseded"
		s.used, s.newest = token, 0
	}
}

func (s *tokenServer) heartbeat(token int) bool {
	switch s.pair.Check(tokenDigest(token), s.now) {
	case auth.ValidNewest:
		s.pair = s.pair.Promote()
		s.use(token)
		return true
	case auth.Valid:
		return true
	}
	return false
}

func (s *tokenServer) rotate(token int, expires int64) (int, bool) {
	next, err := s.pair.Rotate(tokenDigest(token), tokenDigest(s.minted+1), expires, s.now, propertyGrace)
	if err != nil {
		return 0, false
	}
	s.pair = next
	s.use(token)
	if s.newest != 0 {
		s.dead[s.newest] = "replaced"
	}
	s.minted++
	s.newest, s.expires[s.minted] = s.minted, expires
	return s.minted, true
}

// check compares the verdict on every token there ever was with the naive rules.
func (s *tokenServer) check(t *rapid.T) {
	for token := 1; token <= s.minted; token++ {
		want := auth.Unknown
		switch {
		case token != s.used && token != s.newest:
			if s.dead[token] == "" {
				t.Fatalf("token %d is gone and nobody ended it", token)
			}
		case s.expires[token] != 0 && s.now >= s.expires[token]:
			want = auth.Expired
		case token == s.newest:
			want = auth.ValidNewest
		default:
			want = auth.Valid
		}
		if got := s.pair.Check(tokenDigest(token), s.now); got != want {
			t.Fatalf("token %d (%s): %v, want %v", token, s.dead[token], got, want)
		}
	}
}

var fate = rapid.SampledFrom([]string{"answered", "answer lost", "request lost"})

// expiry is that of a new token: never, or 1 to 1000 ms from now.
func expiry(t *rapid.T, now int64) int64 {
	if rapid.Bool().Draw(t, "never expires") {
		return 0
	}
	return now + rapid.Int64Range(1, 1000).Draw(t, "lifetime")
}

// I11: whatever is lost, the client gets in with the newest token that it received, for
// as long as that token lives, and may rotate with it until the grace is over.
func TestLostAnswersLockNobodyOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTokenServer(expiry(t, 0))
		mine := 1
		t.Repeat(map[string]func(*rapid.T){
			"heartbeat": func(t *rapid.T) {
				f := fate.Draw(t, "heartbeat")
				if f == "request lost" {
					return
				}
				alive := s.expires[mine] == 0 || s.now < s.expires[mine]
				if ok := s.heartbeat(mine); ok != alive {
					t.Fatalf("heartbeat with token %d: %v, want %v", mine, ok, alive)
				}
			},
			"rotate": func(t *rapid.T) {
				f := fate.Draw(t, "rotation")
				if f == "request lost" {
					return
				}
				next, ok := s.rotate(mine, expiry(t, s.now))
				if !ok {
					t.Fatalf("rotation with token %d refused", mine)
				}
				if f == "answered" {
					mine = next
				}
			},
			"time passes": func(t *rapid.T) {
				last := s.now + 300
				if e := s.expires[mine]; e != 0 {
					last = e + propertyGrace.Milliseconds() - 1
				}
				s.now = rapid.Int64Range(s.now, last).Draw(t, "now")
			},
			"": s.check,
		})
	})
}

// Requests that were given up may still arrive, after later ones. A client that keeps the
// token which last worked until the newer one has worked is never locked out by that.
func TestLateRequestsLockNobodyOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTokenServer(0)
		worked, newest := 1, 1
		type request struct {
			rotate bool
			token  int
		}
		var late []request
		t.Repeat(map[string]func(*rapid.T){
			"send, and give up": func(t *rapid.T) {
				token := rapid.SampledFrom([]int{worked, newest}).Draw(t, "token")
				late = append(late, request{rapid.Bool().Draw(t, "rotate"), token})
			},
			"a late one arrives": func(t *rapid.T) {
				if len(late) == 0 {
					t.Skip("none on the way")
				}
				i := rapid.IntRange(0, len(late)-1).Draw(t, "which")
				r := late[i]
				late = append(late[:i], late[i+1:]...)
				if r.rotate {
					s.rotate(r.token, 0)
				} else {
					s.heartbeat(r.token)
				}
			},
			"heartbeat": func(t *rapid.T) {
				if s.heartbeat(newest) {
					worked = newest
				} else if s.heartbeat(worked) {
					newest = worked
				} else {
					t.Fatalf("locked out with tokens %d and %d", worked, newest)
				}
			},
			"rotate": func(t *rapid.T) {
				lost := rapid.Bool().Draw(t, "answer lost")
				next, ok := s.rotate(newest, 0)
				with := newest
				if !ok {
					next, ok = s.rotate(worked, 0)
					with = worked
				}
				if !ok {
					t.Fatalf("locked out with tokens %d and %d", worked, newest)
				}
				if !lost {
					worked, newest = with, next
				}
			},
			"": s.check,
		})
	})
}
