package catalog

import "github.com/roster-sd/roster/store"

// Cause is the evidence for which instances are kept that the store has let go.
type Cause uint8

// The causes.
const (
	Outage   Cause = iota // the feed or the ping of the store was broken
	NewEpoch              // the store lost its past, or wrote it anew
	Pause                 // this process or machine did not run
	Backend               // the backend itself told of a disturbance
	Refused               // a renewal with a good token failed because the store was out of reach
	EarlyEnd              // the lease ended before the time that was acknowledged
	Causes                // how many there are
)

// String names the cause, for metrics and logs.
func (c Cause) String() string {
	return [...]string{"outage", "new_epoch", "pause", "backend", "refused_renewal", "early_end", "unknown"}[min(c, Causes)]
}

// Text tells the cause to people, as the end of a sentence about instances that are kept.
func (c Cause) Text() string {
	return [...]string{
		"the backend was out of reach",
		"the backend lost its past",
		"this process or machine was paused",
		"the backend was disturbed",
		"their renewals could not reach the backend",
		"the backend ended their leases early",
		"of evidence against the registry",
	}[min(c, Causes)]
}

// suspected is the record as it is shown at a revision while it is kept on evidence.
func suspected(r *store.Packed, rev store.Revision) *store.Packed {
	if r.Health() != store.HealthPassing {
		return r // failing is worse, and says more
	}
	s := r.Record()
	s.Instance.Health = store.HealthSuspect
	s.Revision, s.Changed = rev, rev.Number
	return store.Pack(s)
}
