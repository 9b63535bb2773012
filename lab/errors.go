package lab

import (
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrTestCodeTaken: the catalogue has a test with this code.
	ErrTestCodeTaken = fmt.Errorf("%w: code of a test", hmstype.ErrAlreadyExists)
	// ErrAnalyteCodeTaken: the test has an analyte with this code.
	ErrAnalyteCodeTaken = fmt.Errorf("%w: code of an analyte", hmstype.ErrAlreadyExists)
	// ErrAnswerTaken: the analyte has an answer with this code.
	ErrAnswerTaken = fmt.Errorf("%w: code of an answer", hmstype.ErrAlreadyExists)
	// ErrRangeOverlap: another range answers for the same analyte, sex, age and day; see
	// [RangeOverlapError].
	ErrRangeOverlap = fmt.Errorf("%w: reference range of this sex, age and validity", hmstype.ErrAlreadyExists)
	// ErrTestInactive: the test is not offered any more.
	ErrTestInactive = fmt.Errorf("%w: the test is not active", hmstype.ErrPrecondition)
	// ErrTestTwice: the order names a test twice.
	ErrTestTwice = fmt.Errorf("%w: the test is in the order already", hmstype.ErrAlreadyExists)
	// ErrEncounterMismatch: the encounter is another patient's.
	ErrEncounterMismatch = fmt.Errorf("%w: the encounter is another patient's", hmstype.ErrInvalid)
	// ErrEncounterClosed: the encounter has ended.
	ErrEncounterClosed = fmt.Errorf("%w: the encounter has ended", hmstype.ErrPrecondition)
	// ErrOrderNotActive: the order is a draft, on hold or over.
	ErrOrderNotActive = fmt.Errorf("%w: the order is not active", hmstype.ErrPrecondition)
	// ErrItemMismatch: the item belongs to another order or patient than the input says.
	ErrItemMismatch = fmt.Errorf("%w: the item belongs to another order or patient", hmstype.ErrInvalid)
	// ErrAnalyteMismatch: the analyte belongs to another test, or is not active.
	ErrAnalyteMismatch = fmt.Errorf("%w: the analyte is none of the test's", hmstype.ErrInvalid)
	// ErrSpecimenMismatch: the items need specimens of different types.
	ErrSpecimenMismatch = fmt.Errorf("%w: the items need different specimens", hmstype.ErrInvalid)
	// ErrIncomplete: an analyte of the test has neither a value nor a reason for its absence.
	ErrIncomplete = fmt.Errorf("%w: an analyte has no result yet", hmstype.ErrPrecondition)
	// ErrPersonRequired: only a person with a user account may do this.
	ErrPersonRequired = fmt.Errorf("%w: a person must do this", hmstype.ErrPrecondition)
	// ErrReadBack: the case cannot be closed before the value was read back.
	ErrReadBack = fmt.Errorf("%w: the value was not read back", hmstype.ErrPrecondition)
	// ErrSpecimenInUse: what counts would rest on a specimen that is of no use.
	ErrSpecimenInUse = fmt.Errorf("%w: the item's specimen is rejected or in error", hmstype.ErrPrecondition)
	// ErrNoChange: the correction says what the result says already.
	ErrNoChange = fmt.Errorf("%w: the correction changes nothing", hmstype.ErrInvalid)
)

// RangeOverlapError names the range that is in the way.
type RangeOverlapError struct {
	Existing hmstype.ReferenceRangeID
}

// Error implements error.
func (e *RangeOverlapError) Error() string {
	return ErrRangeOverlap.Error() + " " + e.Existing.String()
}

// Unwrap gives [ErrRangeOverlap].
func (e *RangeOverlapError) Unwrap() error { return ErrRangeOverlap }

var _ = dbx.Declare(dbx.Constraints{
	"lab_test_code_key":                ErrTestCodeTaken,
	"lab_analyte_code_key":             ErrAnalyteCodeTaken,
	"lab_analyte_test_key":             hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
	"lab_answer_pkey":                  ErrAnswerTaken,
	"lab_reference_range_analyte_key":  hmstype.ErrAlreadyExists, // likewise
	"lab_reference_range_overlap_excl": ErrRangeOverlap,
	"lab_order_number_key":             hmstype.ErrAlreadyExists, // the counter makes it impossible
	"lab_order_patient_key":            hmstype.ErrAlreadyExists, // serves foreign keys
	"lab_order_encounter_fkey":         ErrEncounterMismatch,
	"lab_order_item_test_key":          ErrTestTwice,
	"lab_order_item_scope_key":         hmstype.ErrAlreadyExists, // serves foreign keys
	"lab_specimen_accession_key":       hmstype.ErrAlreadyExists, // the counter makes it impossible
	"lab_specimen_patient_key":         hmstype.ErrAlreadyExists, // serves foreign keys
	"lab_specimen_order_key":           hmstype.ErrAlreadyExists, // serves foreign keys
	"lab_result_version_key":           hmstype.ErrStale,
	"lab_result_supersedes_key":        hmstype.ErrStale,
	"lab_result_chain_key":             hmstype.ErrAlreadyExists, // serves foreign keys
	"lab_result_item_fkey":             ErrItemMismatch,
	"lab_result_analyte_fkey":          ErrAnalyteMismatch,
	"lab_critical_alert_result_key":    hmstype.ErrAlreadyExists,
})

var _ = dbx.DeclareStates(dbx.States{
	"HM401": func(string) error { return hmstype.ErrInvalidTransition },
	"HM402": func(requester string) error {
		id, err := hmstype.ParseID[hmstype.UserID](requester)
		if err != nil {
			return hmstype.ErrNotPractitioner
		}
		return &hmstype.PractitionerError{User: id}
	},
	"HM403": func(string) error { return ErrSpecimenInUse },
})
