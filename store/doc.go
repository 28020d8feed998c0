// Package store is the contract between Roster and the place where its records live.
//
// A store owns who lives: its clock decides when a lease is over, and callers pass
// durations, never deadlines. It keeps an ordered history of changes that readers
// follow without gaps ([Reader.List], then [Reader.Watch] from the revision of the list)
// or are told loudly that they cannot ([ErrCompacted]).
//
// The package holds types and rules only; it imports nothing but the standard library.
// What each method promises is written here and proven for every backend by
// the package storetest.
package store
