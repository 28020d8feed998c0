// Package redis is the store on a Redis server that several nodes share: the backend of
// shared environments. Redis owns who lives, by the TTL of one key a lease.
//
// It needs Redis 7.0 or later: one master, with or without replicas. Redis Cluster is not
// supported; a keyspace is one shard's worth. Replicas are never read.
//
// # What lies in Redis
//
// Every key begins with the prefix as a hash tag, {roster}: for instance. NAME is a
// record's key, kind/service/id, and names are whole: nothing is ever found by a pattern.
//
//	{roster}:m       hash: epoch, num (the last revision), base (the epoch's first), gen (the
//	                 last generation), run and repl (the server that the epoch was begun on)
//	{roster}:r:NAME  a record: a line of numbers, its lease among them, then JSON
//	{roster}:l:LEASE nothing but a TTL; LEASE names the lease and the record's key
//	{roster}:i       sorted set of all NAMEs, in the order of their bytes, to list by
//	{roster}:d       sorted set of NAMEs by deadline, to look for dead leases by
//	{roster}:t:NAME  list of tombstones, newest first, with a TTL of store.TombstoneAge
//	{roster}:x       stream of changes, one entry a revision
//
// A lease is renewed by PEXPIRE of its key, without a script: a lease that was replaced has
// no key any more, and so fences itself. The TTL is part of the lease's number, so that
// renewing reads nothing. A record has no TTL of its own; its tombstone can still tell what
// died. The deadlines in d are what registering wrote; a sweeper that finds a lease alive
// moves its entry on.
//
// # Changes
//
// Everything that changes a record is one script: record, indexes, tombstone, revision and
// stream entry change together or not at all. The stream entry of revision N has the ID
// N-0 and a random nonce.
//
// # Epochs
//
// The epoch in m changes whenever Redis may have lost or rewritten its past: m is missing
// (an empty server, FLUSHALL), the server has another run_id (a restart) or another
// master_replid (a promotion, or a first replica), the last revision is before one that was
// seen, or a stream entry that was read is gone or has another nonce. Every script checks
// epoch, master_replid and number before it does anything, so no write is accepted across
// such a change. A reader reads the stream from the entry that it read last, that one
// included, so that it notices a past that was rewritten under it.
//
// Numbers and generations go on growing over epochs. Generations of a new epoch begin at
// the server's time in microseconds at least, so that they also grow where Redis has
// forgotten the last one.
//
// # The user
//
// A user of Redis for Roster needs its keys and these commands:
//
//	ACL SETUSER roster on >password ~{roster}:* +ping +hello +auth +select +client|setname
//	  +eval +evalsha +info +time +get +set +mget +del +exists +pexpire +pttl +hget +hset +hmget
//	  +hincrby +zadd +zrem +zrange +zrangebylex +zrangebyscore +lpush +ltrim +lrange +xadd
//	  +xrange +xrevrange +xread
//
// and +config|get, if Check is to say whether anything is kept on disk.
//
// # What it does not promise
//
// Durability is best effort. Redis replicates and writes to disk behind the acknowledgement,
// so that a failover or a crash can lose the newest writes, whatever is configured; it is
// then noticed as a new epoch. Leases run on the wall clock of the server: a jump of it ends
// them early or late, which is told through Options.OnDisturbance.
package redis
