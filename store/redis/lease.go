package redis

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/roster-sd/roster/store"
)

// A lease's number holds its TTL, so that whoever renews it need not read it anywhere:
//
//	63..32 random, never all zero    31..4 TTL, m    3..0 TTL, e    TTL = m * 2^e ms
//
// Up to 74 hours a TTL is exact to the millisecond; beyond, it is rounded up by less than
// one part in 100 million. Random numbers need only differ among the leases that one
// record has had: the name of a lease's key holds the record's key too.
const (
	mantissaBits = 28
	exponentBits = 4

	// longest keeps a TTL that was rounded up within a time.Duration.
	longest = 200 * 365 * 24 * time.Hour
)

var errLong = errors.New("a ttl cannot be more than 200 years")

// granted gives the TTL that is granted for one that was asked for: whole milliseconds,
// never less.
func granted(ttl time.Duration) (m, e uint64) {
	m = uint64((ttl + time.Millisecond - 1) / time.Millisecond)
	for m >= 1<<mantissaBits {
		m = (m + 1) / 2
		e++
	}
	return m, e
}

// newLease gives a number for a lease with at least the TTL; zero for none.
func newLease(ttl time.Duration) store.LeaseID {
	if ttl == 0 {
		return 0
	}
	m, e := granted(ttl)
	unique := uint64(rand.Uint32N(1<<32-1)) + 1
	return store.LeaseID(unique<<(mantissaBits+exponentBits) | m<<exponentBits | e)
}

// millis gives the TTL of a lease. Of a number that is no lease's it may be anything.
func millis(id store.LeaseID) int64 {
	return int64(id>>exponentBits&(1<<mantissaBits-1)) << (id & (1<<exponentBits - 1))
}

func ttlOf(id store.LeaseID) time.Duration { return time.Duration(millis(id)) * time.Millisecond }

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, n uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}

// appendLease appends what names the lease of a record in keys: its number, and a hash of
// the record's name, so that the lease of another record has another key.
func appendLease(dst []byte, id store.LeaseID, k *store.Key) []byte {
	h := mix(mix(mix(14695981039346656037, k.Kind), k.Service), k.ID) // FNV-1a
	return appendHex(appendHex(dst, uint64(id)), h)
}

func mix(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return (h ^ 0xff) * 1099511628211 // no text in UTF-8 has this byte: parts stay apart
}

// leaseName is what a record's line of numbers says of its lease.
func leaseName(id store.LeaseID, k *store.Key) string {
	if id == 0 {
		return "-"
	}
	return string(appendLease(make([]byte, 0, 32), id, k))
}

var errLease = errors.New("a record in redis names no lease")

func leaseOf(name string) (store.LeaseID, error) {
	if name == "-" {
		return 0, nil
	}
	if len(name) != 32 {
		return 0, errLease
	}
	id, err := strconv.ParseUint(name[:16], 16, 64)
	if err != nil || id == 0 {
		return 0, errLease
	}
	return store.LeaseID(id), nil
}
