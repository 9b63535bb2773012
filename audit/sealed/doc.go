// Package sealed makes the audit trail evidence: it seals events in a signed Merkle log, holds log,
// trail and data against each other, proves events to third parties, and lets old months go.
//
// It owns the log's leaves, subtrees, checkpoints, records of keys and of purges. Events are package audit's,
// and so are the policies and legal holds that forbid a purge; package audit/proof checks what is
// handed out, without a database.
//
// # Sealing
//
// [Service.Seal] takes the committed events of a tenant, in the order of their transactions, as
// leaves of a Merkle tree (RFC 6962), and signs a checkpoint of it: the tree's size and root.
// Writers never wait for it. Each [Witness] is shown the checkpoint with the proof that it extends
// the one before; without a witness in other hands who has the signing key can write another log.
// After a restore, when transaction ids begin anew, a step looks over the whole trail by itself.
//
// # Verification
//
//	Verify      replays the trail: every row is what its events add up to, and every event has its row
//	VerifyLog   holds every event against its leaf, the leaves against every checkpoint, and these
//	            against the witnesses; FindingKind names the attacks that it finds
//
// # Proofs
//
//	ProveEvent, ProvePatient, ProveDisclosures   sealed events, with the hashes that lead to a checkpoint
//	VerifyProof                                  checks such a bundle by public keys alone
//
// A proof is an export of a patient's data, recorded as such, and refused for a restricted record
// to who may not see it.
//
// # Letting go
//
// [Service.PlanRetention] tells which months are due, and what stands in the way ([ObstacleKind]).
// The host drops a month of all tenants at once ([ArchiveMonth]), after each tenant's part went to a
// store of its own ([Sink]) as an archive that package proof verifies. The log of hashes stays for
// ever, and a signed record of the purge explains, and alone explains, why its leaves have no events
// any more.
//
// A row whose creation is purged is replayed backwards, from what it is now to what it was at the
// end of the purged month; all such rows of a table together must give the digest that the record
// has. So [Service.Verify] finds as much as before, though it can no longer name the row.
//
// # Errors
//
// [ErrNoSigner], [ErrKeyRetired], [ErrInTransaction], [ErrNotSealed], [ErrRetained] ([RetainedError]) and
// [ErrNoPartition] say what is missing; [ErrLogDamaged], [ErrForked] and [ErrArchive] that something
// is not what was signed or written.
package sealed
