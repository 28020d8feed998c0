// Package registry holds the use cases of Roster over a store and a catalog: it is the
// only door to a write. Every surface calls it, so that validation, authorisation and
// the rules of tokens exist once.
//
// Reads come from the catalog. A node's catalog may lag behind the store, so it may say
// yes to a caller, but never no: before a caller is told that a token or lease is not
// good, the record is read once from the store, and that decides.
package registry
