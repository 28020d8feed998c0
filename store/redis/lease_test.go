package redis

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

func TestLeaseHoldsItsTTL(t *testing.T) {
	exact := []time.Duration{time.Millisecond, 999 * time.Millisecond, 30 * time.Second, 5 * time.Minute, 24*time.Hour + time.Millisecond, 74 * time.Hour}
	for _, ttl := range exact {
		if got := ttlOf(newLease(ttl)); got != ttl {
			t.Errorf("a lease of %v is one of %v", ttl, got)
		}
	}
	for range 10_000 {
		ttl := time.Duration(rand.Int64N(int64(longest))) >> rand.IntN(50)
		if ttl == 0 {
			continue
		}
		got := ttlOf(newLease(ttl))
		if got < ttl || got-ttl > time.Millisecond+ttl/100_000_000 {
			t.Fatalf("a lease of %v is one of %v", ttl, got)
		}
	}
	if newLease(0) != 0 {
		t.Error("no TTL gives a lease")
	}
	if ttlOf(newLease(longest)) < longest {
		t.Error("the longest TTL wraps around")
	}
}

func TestLeaseIsNeverZero(t *testing.T) {
	for range 1000 {
		if newLease(time.Nanosecond) == 0 {
			t.Fatal("a lease has the number 0")
		}
	}
}

func TestLeaseName(t *testing.T) {
	key, other := store.InstanceKey("user", "1"), store.InstanceKey("use", "r1")
	name := leaseName(0xabc, &key)
	if got, err := leaseOf(name); err != nil || got != 0xabc || len(name) != 32 {
		t.Errorf("%q reads back as %v, %v", name, got, err)
	}
	if leaseName(0xabc, &other) == name {
		t.Error("the lease of another record has the same name")
	}
	if got, err := leaseOf(leaseName(0, &key)); err != nil || got != 0 {
		t.Errorf("no lease reads back as %v, %v", got, err)
	}
	for _, bad := range []string{"", "x", name[1:], name + "0", "zz" + name[2:], "0000000000000000" + name[16:]} {
		if id, err := leaseOf(bad); err == nil {
			t.Errorf("%q names the lease %v", bad, id)
		}
	}
}
