// Package catalog keeps a live read model of the instances in a store: it lists, follows
// the changes, and answers every read of a node from memory, so that a read costs the same
// on every backend and outlives an outage of it.
//
// One goroutine, [Catalog.Run], applies what the store's feed brings; nothing else
// writes, so what a reader sees is always a revision that the store once had. What
// heartbeats bring (when an instance was last heard of) lives beside the records, outside
// revisions, and is filled in when answering.
//
// A change costs the same whether its service has one instance or a hundred thousand: an
// instance is encoded once a change, a service is a copy-on-write tree of encoded
// instances, and those that a resolve may choose stand in a dense pool beside it.
package catalog
