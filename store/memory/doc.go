// Package memory is the store that keeps everything in the process: the backend of
// development and of single-node deployments, and the reference for what the contract
// in package store means.
//
// One mutex guards everything, the lease table included. A renewal and an expiry can
// therefore never both win, a list is one consistent view for nothing, and an event is in
// the log before the write that made it returns. No operation holds the mutex for a time
// that grows with the number of records, save [Store.List], which visits each record that
// it gives: expiry, batches of renewals, history and sweeps work in portions.
//
// Every [Open] is a new epoch. Without a [State] nothing survives the process. With one the
// records and tombstones do: changes are queued under the mutex, and written to a file by a
// goroutine of its own, so that no call waits for a disk. Rewriting that file takes one list
// of all that lives.
package memory
