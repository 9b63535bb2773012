// Package patient registers the people whom a hospital treats, finds them again, and keeps
// who pays for them.
//
// It owns the patient's master data, medical record numbers and other identifiers, the
// search, the restricted flag, and coverage (insurance). It does not own anything clinical,
// nor bills; those packages ask it with [Service.Require].
//
// # States of a patient
//
//	active <-> inactive
//	active, inactive -> merged (FHIR Patient.link replaced-by; terminal)
//	active, inactive -> entered-in-error (terminal)
//
// Death is a dated attribute and not a state.
//
// # Errors
//
// [ErrDuplicate] (a *DuplicateError names the candidates), [ErrMRNTaken],
// [ErrIdentifierTaken] and [ErrCoverageOverlap] are of kind already exists; [ErrMerged],
// [ErrInactive] and [ErrRestricted] tell why a record may not be used.
//
// A restricted record (staff as patients, public figures, psychiatry) is shown only to
// those who hold hmstype.PermPatientRestricted; a search leaves it out.
package patient
