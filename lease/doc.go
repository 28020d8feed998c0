// Package lease decides how long a registration lives without a renewal.
//
// [Policy] turns the time a client asks for into the time it is granted. [Table] keeps
// deadlines for backends that have no leases of their own; backends that have some are
// trusted with theirs and do not use it.
//
// # The table's clock
//
// The table runs on a clock without gaps. Whoever owns a table calls [Table.Pulse] at
// least every [PulseEvery]; when more than [MaxGap] passed between two readings, the
// process did not run in between, so nobody could renew, and the whole difference is
// taken out of the table's time. Each method that reads the time makes this check, since
// any of them may be the first to run after a pause: a renewal that was waiting in a
// socket as well as the owner's own tick.
//
// A pause, or a suspend of the machine, is also evidence for a hold. A lease whose
// deadline fell in the lost time gets one full TTL counted from the recovery, at most
// [MaxHold], for its holder to be heard again. Everyone else, and every lease granted or
// renewed after the recovery, waits for nothing.
//
// # What things cost
//
// A renewal writes one deadline and allocates nothing. Deadlines are also kept in a heap
// that is not touched by a renewal: an entry that comes to its turn before its lease is
// due moves then, at most once a TTL. Grant and Revoke cost O(log n), and [Table.Due]
// does no more of that than its caller allows. A lease takes 36 bytes, not counting the
// spare room of growing slices.
package lease
