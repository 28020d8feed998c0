package store

// Code says why a record changed or left.
type Code string

// The codes of events that put a record.
const (
	Registered  Code = "registered"  // a new generation
	Resurrected Code = "resurrected" // the same generation under a new lease
	Updated     Code = "updated"     // status, weight, metadata or tags
	Rotated     Code = "rotated"     // a token; clients see no difference
	Suspected   Code = "suspected"   // held past its deadline; see HealthSuspect
	Recovered   Code = "recovered"   // renewed after it was suspect
	Checked     Code = "checked"     // a check found its health to be another
)

// The codes of deletions. Replaced stands in tombstones only: the event of a
// replacement is the Registered of the next generation.
const (
	Expired       Code = "expired"
	Deregistered  Code = "deregistered"
	Replaced      Code = "replaced"
	Forced        Code = "forced"
	Unreachable   Code = "unreachable"
	ProcessExited Code = "process_exited"
)

// Reason says why something happened, at whose word, and where.
type Reason struct {
	Code  Code
	Note  string // free text of the caller's
	Actor string // identity of the caller; empty for the registry itself
	Node  string // registry node that did it
	From  string // network address of the caller
}

// Meant tells whether the reason is one that somebody meant: all but expiry. A late
// heartbeat must not undo such a deletion.
func (r Reason) Meant() bool { return r.Code != Expired }

// Event is one change of one record.
type Event struct {
	Revision Revision
	Time     Millis // by the store's clock
	// Record is the record after the change, nil if it was deleted.
	Record *Record
	// Before is the record before the change where the store still knows it, nil if
	// there was none.
	Before *Record
	Reason Reason
}

// Key gives the key of the record that changed.
func (e *Event) Key() Key {
	if e.Record != nil {
		return e.Record.Key
	}
	return e.Before.Key
}

// Size is about how many bytes of memory the event keeps that no earlier event of its log
// does: the record after the change, or the one that left.
func (e *Event) Size() int {
	if e.Record != nil {
		return e.Record.Size()
	}
	return e.Before.Size()
}

// Deleted tells whether the event removed the record.
func (e *Event) Deleted() bool { return e.Record == nil }

// Batch is the events of one or more whole revisions, in order; a revision is never
// split over two batches. Revision is that of the last event.
type Batch struct {
	Revision Revision
	Events   []Event
}

// Snapshot is one consistent view of the selected records, in no particular order, and
// the revision at which it held.
type Snapshot struct {
	Revision Revision
	Records  []*Record
}

// Tombstone is what a store remembers of a record that left, and why it left. Record is
// the last form of it, without tags and metadata, so that what is remembered stays small:
// Key, Lease, Generation, Revision, TTL, RegisteredAt, Owner and Tokens, and of Instance
// the Address, Port and Status. Everything else is zero.
type Tombstone struct {
	Record   *Record
	Reason   Reason
	Revision Revision
	Time     Millis
}
