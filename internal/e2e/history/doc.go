// Package history judges what clients of a registry saw. Tests with real processes record
// every call and every event that a watcher was given, with the times of one monotonic
// clock; the checks here compute from such a [History] whether the invariants of a
// registry held: pure functions, each of which says what it looked at, what was broken,
// and how long things took.
//
// | Check | Invariant |
// |---|---|
// | [Evictions] (I1) | renewed within its TTL, never evicted; no wrong 401, 404, 409 or 410 |
// | [Departures] (I2) | stopped, so gone, and how late |
// | [Visibility] (I3) | an acknowledged registration is visible: at once on the node that took it, soon on the others |
// | [Replays] (I4) | what a watcher was told, applied in order, is what the store holds; nothing twice, nothing left out |
// | [Durability] (I6) | acknowledged writes outlive a crash |
// | [Outages] (I7) | nodes without their backend say so, answer reads, acknowledge no write, and are back soon |
// | [Order] (I9) | within an epoch a watcher's position never goes back; another epoch begins with a snapshot |
//
// A check is strict where the history is certain and lenient where it is not. A call took
// effect at some moment between its start and its end: where the order of two such moments
// decides, both orders are allowed for.
package history
