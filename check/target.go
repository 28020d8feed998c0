package check

import (
	"net/netip"

	"github.com/roster-sd/roster/store"
)

// Target is an instance to look at, and how.
type Target struct {
	Key store.Key
	// Generation is the registration that the check belongs to. Another one begins anew.
	Generation uint64
	Address    string // IP address or DNS name
	Port       uint16
	// TLS: HTTP and gRPC checks speak TLS. A TCP check opens a connection and says nothing.
	TLS bool
	// Owner is the identity that registered the instance. Over TLS the certificate has to name
	// the address or this identity. Empty: the address.
	Owner string
	Check store.Check
	// Networks are those that may be connected to. Nil: any address that is not forbidden;
	// empty but not nil: none.
	Networks []netip.Prefix
	// Unseen: nobody has looked at this registration yet. It is looked at soon, and more often
	// than its interval until it passes for the first time; one pass is then enough.
	Unseen bool
	// Failing: what stands of the instance is that it fails. It needs Check.Successes passes.
	Failing bool
}

// anew tells whether a change from t to other makes it another target, of which nothing is known.
func (t *Target) anew(other *Target) bool {
	return t.Generation != other.Generation || t.Address != other.Address || t.Port != other.Port || t.Check != other.Check
}

// Report is a verdict on a target.
type Report struct {
	Target  Target
	Passing bool
	Why     string // why the last check failed; empty if it passed
	Refused bool   // it was not connected to, because its address is not allowed
	First   bool   // the first verdict of this schedule on this target
	Run     int    // how many checks in a row said so
}
