// Package etcd keeps records in etcd, whose leases decide who lives.
//
// # What lies in etcd
//
// All keys stand under one prefix, /roster/ by default. Names are percent-escaped, so
// that a slash always separates.
//
//	meta                              the epoch, and the base of generations
//	r/<kind>/<service>/<id>           a record, attached to its lease
//	t/<kind>/<service>/<id>/<gen>     the tombstone of a life that somebody ended
//
// A registration grants a lease and puts the record with it in ONE transaction, under
// its condition; whatever else changes a record is one transaction, too. Each compares the
// value of meta, so that a node that has not yet noticed a loss of data writes nothing.
// A deletion that somebody meant, and a replacement, put a tombstone in the same
// transaction, under a lease of the node that is replaced once a minute and outlives
// store.TombstoneAge. A deletion WITHOUT a tombstone is an expiry.
//
// # Positions
//
// A revision's number is etcd's own. The epoch is made of a random value in meta and of the
// cluster's ID: it is another one where the keyspace is empty or gone (meta is missing),
// where another cluster answers, and where a node sees etcd go back in time (a restored
// backup: a linearizable answer with a lower revision than one before, or other events than
// those seen at a revision). Then meta gets a new random value by compare-and-set.
//
// A generation is the revision of the registration plus the base that stands in meta, so
// that it grows by itself and needs no counter. The base is raised where a resurrection
// brings a generation from a past that etcd has lost, and with a new epoch.
//
// # Leases
//
// The ID of a lease carries a hash of epoch and key, so that a renewal with the lease of
// another record is noticed without a look at anything. The lease of a record that was
// removed or replaced is revoked before the call is answered, so that it renews nothing
// from then on, on any node. All renewals of a store go through one LeaseKeepAlive
// stream, to the leader where there are several endpoints; see renewer.
//
// Expiry is etcd's: it looks at its leases every 500 ms and revokes at most 1,000 a second.
// Until a lease is revoked its record is there for every call, and afterwards for none. A
// TTL is a minimum: what etcd granted is told, and after a change of leader every lease
// runs anew from its full TTL.
//
// etcd has no clock to ask. Times of registrations, events and tombstones are those of the
// node that wrote; the time of an expiry is when this node saw it, or for an expiry that
// it reads from the past, that of the event before it.
//
// # The feed
//
// One etcd watch a store, on the whole prefix, fills a log of the newest events in memory;
// watchers are cursors over it, and History reads it. So an event is decoded once for
// everybody, a slow reader costs nothing, and nothing more is written for the sake of
// history: what is older than the first watch of this process is read back from etcd's
// own past, which it keeps until it is compacted. The same feed tells the store which
// leases ended and what expired; expired lives are remembered from it, in memory.
package etcd
