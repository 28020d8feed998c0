// Package journal keeps an append-only file of entries that outlives its process, and its
// machine's power supply as far as [File.Sync] went.
//
// A file begins with a header of 16 bytes: the word "rosterst", the version of the format as
// 32 bits, and the CRC-32C of these twelve. Entries follow, each as the length of its payload
// in 32 bits, the CRC-32C of length and payload in 32 bits, and the payload. Numbers are
// little-endian. The length is under the checksum so that a run of zeros, which is what a
// crash of the machine often leaves at the end of a file, is no entry.
//
// An entry is there whole or not at all: what a kill or a crash left of the last one is cut
// off by [Open]. A file is only ever appended to. To let go of the past, a [Draft] is written
// beside it and takes its place by a rename, so that there is a whole file at any instant.
//
// A second file, with ".lock" behind the name, is locked for as long as a process has the
// journal open. It stays when the process ends, since to remove it would let two processes
// hold a lock each, one of them on a file that has no name any more.
//
// What entries mean is the caller's. Nothing here is safe for concurrent use.
package journal
