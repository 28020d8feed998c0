package store

import (
	"context"
	"time"
)

// How long and how many tombstones a store remembers, the same for every backend.
const (
	// TombstoneAge is how long the tombstone of every reason but Expired is remembered,
	// so that a late heartbeat anywhere cannot undo what somebody meant. Those of
	// Expired are remembered as far as memory allows.
	TombstoneAge = 10 * time.Minute
	// TombstonesPerKey bounds what is remembered of one key.
	TombstonesPerKey = 8
)

// Store is a place where records live. All methods may be called concurrently. A call
// whose context is over fails and does nothing.
type Store interface {
	Reader
	Writer
	Capabilities() Capabilities
	// Ping asks the backend whether it answers.
	Ping(ctx context.Context) error
	// Close ends watchers with ErrClosed, joins every goroutine of the store, and makes
	// every later call fail with ErrClosed. It may be called more than once.
	Close() error
}

// Reader reads records and follows their changes.
type Reader interface {
	// Get gives a live record, or ErrNotFound. A record whose lease is over is never
	// given, even if its event comes later.
	Get(ctx context.Context, key Key) (*Record, error)
	// List gives one consistent view and its revision. Like Get, it hides what expired.
	List(ctx context.Context, sel Selector) (Snapshot, error)
	// Watch follows the changes strictly after a revision, with no gap and no repeat.
	// A position that the store does not know, or no longer, or of another epoch, is
	// ErrCompacted, here or from the watcher's first Next. The context is for the call, not
	// for the life of the watcher.
	Watch(ctx context.Context, sel Selector, after Revision) (Watcher, error)
	// History gives the newest events that match, oldest first, at most limit. It is
	// bounded, and shared by the nodes of a backend.
	History(ctx context.Context, sel Selector, limit int) ([]Event, error)
	// Tombstones gives what is remembered of the earlier lives of a key, newest first,
	// at most TombstonesPerKey. None is an empty slice, not an error.
	Tombstones(ctx context.Context, key Key) ([]Tombstone, error)
	// TimeToLive gives what remains of the leases by the backend's clock, aligned with
	// the refs; negative for one that is gone.
	TimeToLive(ctx context.Context, refs []Ref) ([]time.Duration, error)
}

// Writer changes records. A write that is acknowledged carries the revision at which
// readers of any node will see it.
type Writer interface {
	// Register puts a record under a new lease. An existing record of the key is
	// replaced: the old lease then renews, updates and deregisters nothing. The store
	// sets Lease, Generation, Revision, Changed, TTL and RegisteredAt, and keeps no slice
	// of in's. An empty part of the key or a negative TTL is ErrInvalid.
	Register(ctx context.Context, in Record, grant Grant) (*Record, error)
	// Renew starts the TTL of each lease anew. It emits no event and moves no revision.
	// The results align with the refs; the error means that the whole call failed and
	// nothing is known of any of them. A ref without a lease renews the one that the record
	// has.
	Renew(ctx context.Context, refs []Ref) ([]Renewal, error)
	// Update changes a copy of the record. The function may be called more than once,
	// may refuse by returning an error, which Update returns as it is, and must not
	// write into shared slices. A change that changes nothing moves no revision. Key,
	// Lease, Generation, TTL and RegisteredAt stay what they were. While of the ref is a
	// condition of writing: a change that changes nothing may succeed without it.
	Update(ctx context.Context, ref Ref, why Reason, change func(*Record) error) (*Record, error)
	// Deregister removes the record and remembers why. It gives the revision of the
	// deletion.
	Deregister(ctx context.Context, ref Ref, why Reason) (Revision, error)
}

// Grant says how to register.
type Grant struct {
	TTL time.Duration // zero: no lease
	If  Condition
	Why Reason // Code is set by the store
}

// Condition says what must hold for a registration, so that two that race cannot both
// believe they won. One that does not hold is ErrConflict. The zero value always holds.
type Condition struct {
	// Absent: there is no live record of the key. With a Generation it is a resurrection:
	// the record returns as that generation, with its RegisteredAt as given, unless the
	// key has since died by a reason that somebody meant, or in a later generation; that
	// is ErrLeaseLost.
	Absent bool
	// Lease, if not zero: the record is still under this lease.
	Lease LeaseID
	// Generation, if not zero and without Absent: the record is still of this generation.
	Generation uint64
}

// Renewal is the outcome for one ref: the TTL that runs from now; ErrLeaseLost if the
// record is under another lease, or gone by a reason that is remembered; ErrNotFound if
// nothing is known of it. One that expired may be either.
type Renewal struct {
	TTL time.Duration
	Err error
}

// Watcher is a pull cursor over changes, for one goroutine. It is lossless, or loudly
// broken: after an error, other than the context's, it gives nothing but errors.
type Watcher interface {
	// Next waits for the next batch. ErrCompacted: list again. ErrUnavailable: the
	// backend is out of reach; watch again from the last revision.
	Next(ctx context.Context) (Batch, error)
	Close() error
}

// Capabilities tells what a backend promises.
type Capabilities struct {
	Backend       string        // its name, for logs, metrics and errors
	Shared        bool          // several nodes may use it at once
	Durable       bool          // records survive a restart of the registry
	NativeLease   bool          // leases run on the backend's own clock
	Resumable     bool          // Watch may start from a position given before a restart of this process
	TTLResolution time.Duration // TTLs are rounded up to multiples of it
	ExpiryLag     time.Duration // how long after its deadline a record's deletion is announced, at most, on a quiet system
	// KeepBack is how long a reader should keep an expiry back before it believes it, because
	// the backend is known to end leases early (etcd#15247); zero where it is not.
	KeepBack time.Duration
}

// Disturbance is a time in which leases may have ended by a fault of Roster or its
// backend. From and At carry the monotonic clock of this process; At is the recovery.
type Disturbance struct {
	From, At time.Time
	Why      string // for logs
}
