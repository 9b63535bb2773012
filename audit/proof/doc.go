// Package proof checks, without a database and without trusting one, that events of an
// audit trail are in the log that a hospital has signed.
//
// The log is a Merkle tree of RFC 6962, as golang.org/x/mod/sumdb/tlog builds it; its heads
// are checkpoints in the signed-note form of golang.org/x/mod/sumdb/note. A [Bundle] carries
// events, their places in the tree, the hashes that lead from them to the root, and the
// checkpoint. Whoever holds the hospital's public key can check it with [Verify], on paper,
// years later.
//
// A bundle proves that its events are in the log and were not changed. It does not prove
// that no other event is: that takes the whole log, or the trust of who made the bundle.
//
// An archive ([VerifyArchive]) holds all events of one tenant and month, which the hospital's
// database no longer has; a [Purge] is the signed record that explains why.
//
// It imports nothing of this module, so that an auditor can build it alone.
package proof
