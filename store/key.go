package store

import "strconv"

// The kinds of record that a store keeps. Kinds are separate keyspaces: a service
// named like a kind, or like a part of another service's name, never meets it.
const (
	KindInstance = "instance" // a running instance of a service, under a lease
	KindOverride = "override" // an administrator's word on an instance; outlives it
	KindNode     = "node"     // the presence of a registry node
)

// Key names a record. All three parts are compared byte for byte.
type Key struct{ Kind, Service, ID string }

// InstanceKey is the key of an instance of a service.
func InstanceKey(service, id string) Key {
	return Key{Kind: KindInstance, Service: service, ID: id}
}

// String gives the key for logs and errors: kind/service/id.
func (k Key) String() string { return k.Kind + "/" + k.Service + "/" + k.ID }

// LeaseID names a lease of a backend. Zero is no lease: a [Ref] with it forces,
// and a record with it does not expire.
type LeaseID uint64

// String gives the ID in hexadecimal.
func (id LeaseID) String() string { return strconv.FormatUint(uint64(id), 16) }

// Ref names a record under the lease that its holder believes to have. A write with a
// ref whose lease is not the record's own is refused with [ErrLeaseLost].
type Ref struct {
	Key   Key
	Lease LeaseID
	// While, if not nil, names another record: Update and Deregister write only while that one
	// lives under that lease, which the store decides together with the write; otherwise they
	// fail with [ErrConflict]. A zero lease in it holds for no record, and a While of its own
	// says nothing. Renew and TimeToLive do not look at it.
	While *Ref
}

// Selector chooses records: an empty part matches everything. Parts are whole names,
// never prefixes.
type Selector struct{ Kind, Service, ID string }

// Matches tells whether the selector chooses the key.
func (s Selector) Matches(k Key) bool {
	return (s.Kind == "" || s.Kind == k.Kind) &&
		(s.Service == "" || s.Service == k.Service) &&
		(s.ID == "" || s.ID == k.ID)
}
