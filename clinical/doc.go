// Package clinical keeps the medical record: encounters, notes, vital signs, problems, allergies
// and prescriptions.
//
// It does not own appointments (package clinical/scheduling keeps the calendar; an encounter that comes of one
// fulfils it), nor medicines (package pharmacy hands them out), beds, results or bills; it
// tells them what they need to know through its [Port] ([Port.EncounterPatient],
// [Port.LockToDispense], [Port.RecordDispensed], [Port.Judge]), and asks them through
// its [Ports].
//
// # Safety checks
//
// Each prescription and each dispense keeps a verdict ([hmstype.Verdict]): for every kind of check whether it was made,
// by which knowledge, and what it found. Names and codes alone tell an allergy to the substance itself and the same
// medicine twice; classes, cross-reactivity, interactions and doses need a base of knowledge, which a host loads
// ([Service.LoadKnowledge]), or knowledge of its own ([hmstype.SafetyAdvisor]), which is asked before the transaction.
// What was not checked says why, and is never "none found".
//
// # States
//
// They are FHIR R4's, and the tables are exported; the database refuses every other step.
//
//	encounter     planned -> arrived -> triaged -> in-progress <-> onleave
//	              in-progress -> finished; planned, arrived -> cancelled
//	note          draft -> signed; an addendum is a note of its own
//	vitals        final
//	problem       active, recurrence, relapse <-> inactive, remission, resolved
//	allergy       active <-> inactive, resolved
//	prescription  draft -> active <-> on-hold; active -> completed, stopped, cancelled
//
// Nothing is deleted: all but allergies and problems, which say it in their verification
// status, end as entered-in-error, with a reason. In the original application's words the subjective
// part of a note is its complaint and history, the objective part its examination.
//
// # What can never be
//
// Two open inpatient encounters of a patient; a signed note that changes; vital signs that change;
// an active allergy beside the statement that none is known; more dispensed than prescribed. The
// database refuses each, for everybody.
//
// # Errors and transactions
//
// [ErrAlreadyInpatient], [ErrAllergyContradiction], [ErrNotActive] and
// [ErrOverDispensed] come as typed errors that name what is in the way by id. Every command
// is one transaction, or a savepoint in the host's. Locks are taken in the order patient,
// appointment, encounter, prescription: whoever prescribes, dispenses or changes allergies locks the patient first.
package clinical
