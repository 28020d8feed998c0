package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// TokenLength is the length of a token in characters: 32 bytes in base64url without padding.
const TokenLength = 43

// NewToken makes a token of 32 random bytes and gives it with its digest. Only the
// digest may be kept; the token goes to its client once and nowhere else.
func NewToken() (token string, digest [32]byte, err error) {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", digest, fmt.Errorf("new token: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(raw[:])
	return token, sha256.Sum256([]byte(token)), nil
}

// Digest gives the SHA-256 of the token's 43 characters. It is false, with a zero digest,
// for a string that [NewToken] cannot have made. Every call does the same work whatever
// the string holds, and none allocates.
func Digest[T string | []byte](token T) ([32]byte, bool) {
	var text [TokenLength]byte
	n := copy(text[:], token)
	var bad byte
	for _, c := range text {
		bad |= alphabet[c]
	}
	// The last character carries four bits; the two that are left over are zero.
	bad &= 0xC0
	bad |= alphabet[text[TokenLength-1]] & 3
	digest := sha256.Sum256(text[:])
	if bad != 0 || n != len(token) || n != TokenLength {
		return [32]byte{}, false
	}
	return digest, true
}

// alphabet gives the six bits of each character of base64url, and more than six bits for
// every other byte.
var alphabet = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xFF
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		t[c] = byte(i)
	}
	return t
}()

// Pair is the state of an instance's tokens: the digest of the one that its client last
// used, and of the newest one while nobody has used it. It converts to and from
// store.Tokens, whose fields it has, and holds the rules that a store does not know:
//
//   - Both tokens are valid, each until its own expiry.
//   - The first use of the newest ends the other: [Pair.Check] says [ValidNewest], and
//     the caller stores [Pair.Promote]. That is one write a rotation.
//   - A rotation with the token last used replaces the newest, which nobody used: its
//     answer was lost, or its client would have come with it.
//   - A rotation with the newest is its first use.
//   - An expired token may still rotate for a grace, and do nothing else.
//   - Whatever is neither of the two is unknown, and using it changes nothing.
//
// So a client that lost any number of answers gets in with the newest token that it
// received. A client whose requests may be held up on the way and arrive after later
// ones keeps the token that last worked until the newer one has worked once.
//
// Moments are Unix milliseconds; an expiry of zero is never. A Pair is a value: its
// methods change nothing and may be called at once from anywhere.
type Pair struct {
	Used          [32]byte
	UsedExpires   int64
	Newest        [32]byte
	NewestExpires int64
	HasNewest     bool
}

// Verdict is what a token is worth.
type Verdict uint8

// The verdicts. The zero value refuses.
const (
	Unknown     Verdict = iota // not a token of this instance, or no longer one
	Expired                    // one of the two, out of time; it may rotate within the grace
	Valid                      // the token last used
	ValidNewest                // the newest, used for the first time: store Promote
)

// OK tells whether the token may act.
func (v Verdict) OK() bool { return v == Valid || v == ValidNewest }

// String names the verdict for logs.
func (v Verdict) String() string {
	switch v {
	case Expired:
		return "expired"
	case Valid:
		return "valid"
	case ValidNewest:
		return "valid, newest"
	}
	return "unknown"
}

// The errors of [Pair.Rotate].
var (
	ErrTokenUnknown = errors.New("token unknown")
	ErrTokenExpired = errors.New("token expired")
)

// First gives the state of an instance that has just been given its first token.
func First(digest [32]byte, expires int64) Pair {
	return Pair{Used: digest, UsedExpires: expires}
}

// Check tells what the token of that digest is worth at nowMillis. Its time does not
// depend on how much of a digest is right. A digest of zeros, which [Digest] gives for
// what is no token, is never valid.
func (p Pair) Check(digest [32]byte, nowMillis int64) Verdict {
	used, newest := p.match(digest)
	switch {
	case newest && over(p.NewestExpires, nowMillis):
		return Expired
	case newest:
		return ValidNewest
	case used && over(p.UsedExpires, nowMillis):
		return Expired
	case used:
		return Valid
	}
	return Unknown
}

// match compares with both, always, and in constant time.
func (p Pair) match(digest [32]byte) (used, newest bool) {
	var zero [32]byte
	some := 1 - subtle.ConstantTimeCompare(digest[:], zero[:])
	u := subtle.ConstantTimeCompare(digest[:], p.Used[:]) & some
	n := subtle.ConstantTimeCompare(digest[:], p.Newest[:]) & some
	return u == 1, n == 1 && p.HasNewest
}

func over(expires, now int64) bool { return expires != 0 && now >= expires }

// Promote gives the state after the first use of the newest token: it is the one last
// used, and the one before is dead. Without a newest token nothing changes.
func (p Pair) Promote() Pair {
	if !p.HasNewest {
		return p
	}
	return First(p.Newest, p.NewestExpires)
}

// Rotate gives the state after the holder of digest was given the token of newDigest,
// which expires at the moment given. The holder's own token stays valid until the new
// one is used. It fails with [ErrTokenUnknown], or with [ErrTokenExpired] when the
// holder's token ran out longer than grace ago.
func (p Pair) Rotate(digest, newDigest [32]byte, expires, now int64, grace time.Duration) (Pair, error) {
	used, newest := p.match(digest)
	if !used && !newest {
		return Pair{}, fmt.Errorf("rotate: %w", ErrTokenUnknown)
	}
	if newest {
		p = p.Promote()
	}
	if over(p.UsedExpires, now-max(grace, 0).Milliseconds()) {
		return Pair{}, fmt.Errorf("rotate: %w", ErrTokenExpired)
	}
	p.Newest, p.NewestExpires, p.HasNewest = newDigest, expires, true
	return p, nil
}
