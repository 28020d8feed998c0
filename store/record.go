package store

import (
	"slices"
	"time"
	"unsafe"
)

// Millis is a moment in Unix milliseconds, as on the wire. Zero is "not set".
type Millis int64

// At gives the moment t in milliseconds.
func At(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Now is the present moment by this process's wall clock.
func Now() Millis { return At(time.Now()) }

// Time gives the moment as a time.Time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Record is what a store keeps under a [Key]. Published records are immutable: store,
// catalog and event log of one process share one pointer, and whoever changes a record
// changes a copy. The slices in it are shared between copies and never written in place.
type Record struct {
	Key Key

	// Lease is the lease that keeps the record alive; zero for a record that does not expire.
	Lease LeaseID
	// Generation grows each time someone registers the key, also when its tombstones are
	// forgotten; tokens bind to it. A resurrection keeps it.
	Generation uint64
	// Revision is the position of the last change of any part of the record.
	Revision Revision
	// Changed is the number of the revision that last changed what clients see.
	Changed uint64
	// TTL is what the backend granted, at least what was asked for; zero without a lease.
	TTL time.Duration
	// RegisteredAt is when this generation was registered, by the store's clock.
	RegisteredAt Millis

	// Owner is the identity that registered the record.
	Owner string
	// Tokens are the digests of the tokens that the holder may use.
	Tokens Tokens
	// Process names for ever the process that the instance's PID meant when it was
	// registered; empty where no registry watches it. Like the tokens, it is nothing that a
	// client sees or sets. A store keeps it and never looks at it.
	Process string
	// Instance is what clients see.
	Instance Instance

	packed *Packed // what the record was made of; it may have been changed since
}

// Size is about how many bytes of memory the record takes. A log that keeps records bounds
// itself by it, since a record with all the metadata it may have takes fifty times one with none.
func (r *Record) Size() int {
	in := &r.Instance
	n := int(unsafe.Sizeof(*r)) + len(r.Key.Service) + len(r.Key.ID) + len(r.Owner) + len(r.Process) +
		len(in.Address) + len(in.Protocol) + len(in.Version) + len(in.Env) + len(in.Zone) + len(in.Role) + len(in.Meta)
	if c := in.Check; c != nil {
		n += int(unsafe.Sizeof(*c)) + len(c.Path)
	}
	if v := in.Verdict; v != nil {
		n += int(unsafe.Sizeof(*v)) + len(v.Why) + len(v.Node)
	}
	for _, tag := range in.Tags {
		n += int(unsafe.Sizeof(tag)) + len(tag)
	}
	for _, p := range in.Metadata {
		n += int(unsafe.Sizeof(p)) + len(p.Key) + len(p.Value)
	}
	return n
}

// Ref gives the record's key under its present lease.
func (r *Record) Ref() Ref { return Ref{Key: r.Key, Lease: r.Lease} }

// Tokens holds the SHA-256 digests of an instance's tokens: the one its client last
// used, and the newest one, not yet used, if there is one. A store keeps them and
// never looks at them; the rules are in the package auth.
type Tokens struct {
	Used          [32]byte
	UsedExpires   int64 // Unix milliseconds; zero: does not expire
	Newest        [32]byte
	NewestExpires int64
	HasNewest     bool
}

// The status of an instance, which its owner sets.
const (
	StatusStarting     = "starting"
	StatusUp           = "up"
	StatusDraining     = "draining"
	StatusOutOfService = "out_of_service"
)

// The health of an instance, which Roster sets.
const (
	HealthPassing = "passing"
	HealthFailing = "failing"
	HealthSuspect = "suspect" // its lease ran out while there was evidence against Roster or its backend
)

// Instance is the part of a record that clients see.
type Instance struct {
	Address  string // IP address or DNS name
	Port     uint16
	Weight   uint16
	PID      int // zero: not given
	Protocol string
	Version  string
	Env      string
	Zone     string
	Role     string
	Status   string
	Health   string
	// Override is an administrator's word that stands over the status; nil is none. It is
	// never written in place.
	Override *Override
	// Check is how registry nodes look for themselves whether the instance can be reached; nil
	// asks for none. It is never written in place.
	Check *Check
	// Verdict is what they found; nil for an instance without a check. It is never written in
	// place.
	Verdict  *Verdict
	Tags     []string
	Metadata []Pair // sorted by key, keys unique
	// Meta is the JSON object that a client of the loopback surface registered, to be
	// given back as it came; empty for every other instance.
	Meta string
}

// Override is an administrator's word on an instance. It has a record of its own, of
// KindOverride under the instance's service and ID, that outlives the instance and ends by its
// lease; and it stands in the instance's record, for readers.
type Override struct {
	Status string // resolved and filtered by in place of the owner's; empty: the owner's holds
	// KeptOut: the instance may not be registered.
	KeptOut bool
	Reason  string
	By      string // identity of the administrator
	Until   Millis
}

// The types of a [Check].
const (
	CheckTCP  = "tcp"  // passes when a connection opens
	CheckHTTP = "http" // passes with an answer of 200 to 299 to GET
	CheckGRPC = "grpc" // passes with SERVING by the standard health protocol
)

// Check is how registry nodes look whether an instance can be reached.
type Check struct {
	Type      string
	Path      string // of an HTTP check, beginning with a slash; the service of a gRPC check
	Interval  time.Duration
	Timeout   time.Duration
	Failures  uint16 // so many in a row, and the instance is failing
	Successes uint16 // so many in a row, and it is passing again
	Evict     bool   // a failing instance is removed, and not only marked
}

// SameCheck tells whether two checks say the same; nil asks for none.
func SameCheck(a, b *Check) bool { return a == b || a != nil && b != nil && *a == *b }

// NotChecked is the Why of an instance whose check nobody has done yet.
const NotChecked = "not checked yet"

// Verdict is what the check of an instance found when it last changed what is said of it.
type Verdict struct {
	Why   string // a short line for people; empty: it passes
	Node  string // the registry node that found it; empty: no node has looked yet
	Since Millis // by the clock of that node; zero while no node has looked
}

// Unchecked tells whether the instance has a check that nobody has done yet.
func (in *Instance) Unchecked() bool {
	return in.Check != nil && (in.Verdict == nil || in.Verdict.Node == "")
}

// Judged tells whether the instance has a check that somebody has done.
func (in *Instance) Judged() bool { return in.Check != nil && !in.Unchecked() }

// SameVerdict tells whether two verdicts say the same.
func SameVerdict(a, b *Verdict) bool { return a == b || a != nil && b != nil && *a == *b }

// State is the status that counts: the administrator's where there is one, else the owner's.
func (in *Instance) State() string {
	if in.Override != nil && in.Override.Status != "" {
		return in.Override.Status
	}
	return in.Status
}

// SameOverride tells whether two overrides say the same; nil is one that says nothing.
func SameOverride(a, b *Override) bool { return a == b || a != nil && b != nil && *a == *b }

// Pair is an entry of an instance's metadata.
type Pair struct{ Key, Value string }

// Equal tells whether clients see no difference between the two.
func (in *Instance) Equal(other *Instance) bool {
	return in.Address == other.Address && in.Port == other.Port && in.Weight == other.Weight &&
		in.PID == other.PID && in.Protocol == other.Protocol && in.Version == other.Version &&
		in.Env == other.Env && in.Zone == other.Zone && in.Role == other.Role &&
		in.Status == other.Status && in.Health == other.Health && in.Meta == other.Meta &&
		SameOverride(in.Override, other.Override) && SameCheck(in.Check, other.Check) && SameVerdict(in.Verdict, other.Verdict) &&
		slices.Equal(in.Tags, other.Tags) && slices.Equal(in.Metadata, other.Metadata)
}

// Value gives the metadata value under key.
func (in *Instance) Value(key string) (string, bool) {
	i, ok := slices.BinarySearchFunc(in.Metadata, key, func(p Pair, k string) int {
		switch {
		case p.Key < k:
			return -1
		case p.Key > k:
			return 1
		}
		return 0
	})
	if !ok {
		return "", false
	}
	return in.Metadata[i].Value, true
}
