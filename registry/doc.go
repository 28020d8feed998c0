// Package registry holds the use cases of Roster over a store and a catalog: it is the
// only door to a write. Every surface calls it, so that validation, authorisation and
// the rules of tokens exist once.
//
// Reads come from the catalog. A node's catalog may lag behind the store, so it may say
// yes to a caller, but never no: before a caller is told that a token or lease is not
// good, the record is read once from the store, and that decides.
//
// What a shared store has lost by a fault of its own or of ours comes back with the first call
// of whoever holds its token, or, while a lease that was acknowledged here would still run, at
// once ([Registry.Run]): as the generation that it was, only if there is none, and never
// against a removal that somebody meant.
package registry
