// Package pki is a small certificate authority in a folder, enough to run Roster under
// mutual TLS without any other tool.
//
// The folder, which only its owner may enter, holds
//
//	ca.crt            the authority's certificate, which names its trust domain as a SPIFFE URI
//	ca-key.pem        its key; whoever has it can be anyone
//	ca.crl            its revocation list, once one was written
//	index.jsonl       what was issued and revoked, a certificate a line
//	NAME.crt          a certificate that was issued
//	NAME-key.pem      its key
//	.lock             held while something is issued or revoked
//
// Certificates and keys are never overwritten: what is there stays, and the call fails
// with [ErrExists]. Only the index and the revocation list are replaced, each in one
// step, so that a reader or a crash sees the old one or the new one. Calls may run at
// once, in one process or several: those that write take the lock, and wait for it.
//
// Keys are ECDSA P-256 in PKCS #8. Serial numbers are 128 random bits.
package pki
