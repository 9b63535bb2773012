// Package patient registers the people whom a hospital treats, finds them again, and keeps
// who pays for them.
//
// It owns the patient's master data, medical record numbers and other identifiers, the
// search, the restricted flag, and coverage (insurance). It does not own anything clinical,
// nor bills; those packages ask it with [Port.Require].
//
// # States of a patient
//
//	active <-> inactive
//	active, inactive -> merged (FHIR Patient.link replaced-by; terminal)
//	active, inactive -> entered-in-error (terminal)
//
// Death is a dated attribute and not a state: [Service.MarkDeceased], and [Service.RevokeDeath] where it was
// noted by mistake. Nothing new begins for the dead, nor for a record that is not active ([Port.LockForCare],
// hms.guard_patient); what was to come ends with the death ([DeathFollower]), and no record goes out of use while
// something is open ([OpenSource]). [Service.GetHistory] and [Service.GetCoverageHistory] give the steps
// that were made.
//
// # Errors
//
// [ErrDuplicate] (a *DuplicateError names the candidates), [ErrMRNTaken],
// [ErrIdentifierTaken] and [ErrCoverageOverlap] are of kind already exists; [ErrMerged],
// [ErrInactive], [ErrDeceased] and [ErrRestricted] tell why a record may not be used, [ErrOpenWork] (an
// *OpenWorkError lists it) why one may not go out of use.
//
// A restricted record (staff as patients, public figures, psychiatry) is shown only to
// those who hold hmstype.PermPatientRestricted; a search leaves it out, and whoever is
// refused one stands in the audit trail. Nobody else changes it either, and whoever registers or
// restricts one without seeing such is given the result withheld. The ports [Port.Require] and
// [Port.Lock] do not refuse it: they tell, and the package that asks decides. [DuplicateError] names
// restricted records too, by id alone, because a second chart for the same person is
// the greater danger.
//
// # Transactions
//
// Every use case is one transaction, or a savepoint in the host's, and changes nothing
// where it fails. Registration takes, in this order, the locks of all keys under which the
// matcher would find the person, sorted, the counter of record numbers, and the unique keys
// of the identifiers, sorted.
package patient
