// Package catalog keeps a live read model of the instances in a store: it lists, follows
// the changes, and answers every read of a node from memory, so that a read costs the same
// on every backend and outlives an outage of it.
//
// One goroutine, [Catalog.Run], applies what the store's feed brings. What heartbeats bring
// (when an instance was last heard of) lives beside the records, outside revisions, and is
// filled in when answering.
//
// A change costs the same whether its service has one instance or a hundred thousand: an
// instance is encoded once a change, a service is a copy-on-write tree of encoded
// instances, and those that a resolve may choose stand in a dense pool beside it.
//
// # Holds
//
// Normally the view is what the store holds, and who leaves the store leaves the view. Where
// the store is shared and there is evidence against the registry or the backend (see
// [Cause]), an instance whose lease ended for that is kept for a TTL from the recovery, as
// suspect, so that its owner can be heard again; and one whose lease ended before the time that
// this node was told is kept as it was for a moment, in which it is brought back. Silence is
// no evidence, and the death of many at once is none.
//
// While something is kept, positions carry a mark of this node: see [Position].
package catalog
