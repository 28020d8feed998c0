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
// Every [Open] is a new epoch, since nothing survives the process.
package memory
