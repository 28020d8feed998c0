// Package codec is the form in which backends keep a record: one JSON object, the same
// for every backend that keeps bytes.
//
// An object carries the number of its form ("format") and the oldest reader that
// understands it ("reads"), so that nodes of two versions can share a backend while it is
// upgraded: a node reads its own form and the one before, and a newer one that says it may.
// Members that this build does not know are kept as they are and written back with the
// next change, so that an older node's update takes nothing from a newer node's record.
//
// Members are left out where they are zero. What a backend keeps beside the object, the
// key for instance, the caller sets to zero before it writes and to its value after it reads.
//
// A build with the tag nextformat stands for the next version of this package in tests
// of upgrades; see next.go.
package codec
