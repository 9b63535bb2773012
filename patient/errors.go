package patient

import (
	"fmt"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrMRNTaken: the tenant has a patient with this medical record number; see [MRNError].
	ErrMRNTaken = fmt.Errorf("%w: medical record number", hmstype.ErrAlreadyExists)
	// ErrIdentifierTaken: another patient of the tenant has this identifier.
	ErrIdentifierTaken = fmt.Errorf("%w: identifier", hmstype.ErrAlreadyExists)
	// ErrDuplicate: this person seems to be registered already; see [DuplicateError].
	ErrDuplicate = fmt.Errorf("%w: patient", hmstype.ErrAlreadyExists)
	// ErrCoverageOverlap: the patient has an active coverage of this priority in the period.
	ErrCoverageOverlap = fmt.Errorf("%w: coverage of this priority and period", hmstype.ErrAlreadyExists)
	// ErrCoverageNotActive: the coverage is cancelled, a draft or was entered in error.
	ErrCoverageNotActive = fmt.Errorf("%w: the coverage is not active", hmstype.ErrPrecondition)
	// ErrMerged: the record was merged into another, which is to be used.
	ErrMerged = fmt.Errorf("%w: the patient's record was merged into another", hmstype.ErrPrecondition)
	// ErrInactive: the record is inactive or was entered in error.
	ErrInactive = fmt.Errorf("%w: the patient's record is not active", hmstype.ErrPrecondition)
	// ErrDeceased: the patient is recorded as dead, for whom nothing new begins.
	ErrDeceased = fmt.Errorf("%w: the patient is recorded as deceased", hmstype.ErrPrecondition)
	// ErrAfterDeath: what is to be recorded happened after the patient's death.
	ErrAfterDeath = fmt.Errorf("%w: it happened after the patient's death", hmstype.ErrPrecondition)
	// ErrNotDeceased: no death is recorded that could be revoked.
	ErrNotDeceased = fmt.Errorf("%w: the patient is not recorded as deceased", hmstype.ErrPrecondition)
	// ErrOpenWork: something is still to be done for the patient; see [OpenWorkError].
	ErrOpenWork = fmt.Errorf("%w: something is open for the patient", hmstype.ErrPrecondition)
	// ErrRestricted: the record is shown only to those with the permission patient.restricted.
	ErrRestricted = fmt.Errorf("%w: the patient's record is restricted", hmstype.ErrPermissionDenied)
)

// askAdministrator ends what is said of a patient whom the actor may not see.
const askAdministrator = "; a record is restricted: ask an administrator"

// DuplicateError lists the patients who seem to be the person that is being registered. The trail of each
// tells whom the refusal named to whom.
type DuplicateError struct {
	Candidates []hmstype.PatientID // the likeliest first; none whose record the actor may not see
	Scores     []int               // of each candidate, from [ProbableScore] on
	// Certain says that nothing that is recorded tells one of them, or of those whom the actor may not see, from the
	// person: no reason overrides that. What tells them apart has to be recorded first, of both.
	Certain bool
	// Restricted says that there are others whose record the actor may not see: somebody who may has to
	// look whether this is one of them.
	Restricted bool

	hidden []hmstype.PatientID // the others
}

// Error implements error.
func (e *DuplicateError) Error() string {
	text := fmt.Sprintf("%v (%d candidates)", ErrDuplicate, len(e.Candidates))
	if e.Certain {
		text += "; nothing recorded tells them apart: a reason does not override that"
	}
	if e.Restricted {
		text += askAdministrator
	}
	return text
}

// MatchedPatients tells the trail who was named, or would have been.
func (e *DuplicateError) MatchedPatients() []hmstype.PatientID {
	return slices.Concat(e.Candidates, e.hidden)
}

// Unwrap gives [ErrDuplicate].
func (e *DuplicateError) Unwrap() error { return ErrDuplicate }

// IdentifierError says which identifier of the input is taken, and by whom. The trail of whoever has it
// tells to whom it was said.
type IdentifierError struct {
	Index      int               // in RegisterInput.Identifiers
	Patient    hmstype.PatientID // who has it; zero where Restricted
	Restricted bool              // the actor may not see the record of who has it

	hidden hmstype.PatientID // who has it, where Restricted
}

// Error implements error.
func (e *IdentifierError) Error() string {
	text := fmt.Sprintf("%v (number %d)", ErrIdentifierTaken, e.Index)
	if e.Restricted {
		text += askAdministrator
	}
	return text
}

// MatchedPatients tells the trail who was named, or would have been.
func (e *IdentifierError) MatchedPatients() []hmstype.PatientID {
	if e.Restricted {
		return []hmstype.PatientID{e.hidden}
	}
	return []hmstype.PatientID{e.Patient}
}

// Unwrap gives [ErrIdentifierTaken].
func (e *IdentifierError) Unwrap() error { return ErrIdentifierTaken }

// MRNError says who has the medical record number that was wanted; it is an [ErrMRNTaken]. The trail of
// whoever has it tells to whom it was said.
type MRNError struct {
	Patient    hmstype.PatientID // who has it; zero where Restricted
	Restricted bool              // the actor may not see the record of who has it

	hidden hmstype.PatientID // who has it, where Restricted
}

// Error implements error.
func (e *MRNError) Error() string {
	if e.Restricted {
		return ErrMRNTaken.Error() + askAdministrator
	}
	return ErrMRNTaken.Error()
}

// MatchedPatients tells the trail who was named, or would have been.
func (e *MRNError) MatchedPatients() []hmstype.PatientID {
	if e.Restricted {
		return []hmstype.PatientID{e.hidden}
	}
	return []hmstype.PatientID{e.Patient}
}

// Unwrap gives [ErrMRNTaken].
func (e *MRNError) Unwrap() error { return ErrMRNTaken }

// CoverageOverlapError says which coverage is in the way.
type CoverageOverlapError struct {
	Coverage   hmstype.CoverageID
	ValidFrom  hmstype.Date // its first day
	ValidUntil hmstype.Date // the day after its last; zero means without end
}

// Error implements error.
func (e *CoverageOverlapError) Error() string {
	return fmt.Sprintf("%v (in the way: %s)", ErrCoverageOverlap, e.Coverage)
}

// Unwrap gives [ErrCoverageOverlap].
func (e *CoverageOverlapError) Unwrap() error { return ErrCoverageOverlap }

// OpenWorkError lists what is open for a patient whose record may therefore not go out of use; it is an
// [ErrOpenWork].
type OpenWorkError struct {
	Open []Open // by entity, the oldest first
}

// Error implements error.
func (e *OpenWorkError) Error() string { return fmt.Sprintf("%v (%d)", ErrOpenWork, len(e.Open)) }

// Unwrap gives [ErrOpenWork].
func (e *OpenWorkError) Unwrap() error { return ErrOpenWork }

// errMRNFixed: the database refused to change a number that somebody may hold on paper.
var errMRNFixed = fmt.Errorf("%w: a medical record number never changes", hmstype.ErrPrecondition)

var _ = dbx.DeclareStates(dbx.States{
	"HM601": func(string) error { return errMRNFixed },
	// See migrate/routine/core/guard_patient.sql.
	"HM602": func(string) error { return ErrMerged },
	"HM603": func(string) error { return ErrInactive },
	"HM604": func(string) error { return ErrDeceased },
	"HM605": func(string) error { return ErrAfterDeath },
})

var _ = dbx.Declare(dbx.Constraints{
	"patient_mrn_key":              ErrMRNTaken,
	"patient_identifier_value_key": ErrIdentifierTaken,
	"coverage_overlap_excl":        ErrCoverageOverlap,
	"coverage_patient_key":         hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
})

// RestrictedError names the patient whose data were refused; it is an [ErrRestricted].
type RestrictedError struct {
	Patient hmstype.PatientID
}

// Error implements error.
func (e *RestrictedError) Error() string { return ErrRestricted.Error() }

// Unwrap gives [ErrRestricted].
func (e *RestrictedError) Unwrap() error { return ErrRestricted }

// RefusedPatient tells the trail whose data were refused.
func (e *RestrictedError) RefusedPatient() hmstype.PatientID { return e.Patient }

var _ = dbx.DeclareStates(dbx.States{
	"HM690": func(detail string) error {
		id, err := hmstype.ParseID[hmstype.PatientID](detail)
		if err != nil {
			return ErrRestricted
		}
		return &RestrictedError{Patient: id}
	},
})
