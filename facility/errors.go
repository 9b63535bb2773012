package facility

import (
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrBedTaken: somebody lies in the bed; see [BedTakenError].
	ErrBedTaken = fmt.Errorf("%w: the bed is taken", hmstype.ErrPrecondition)
	// ErrBedNotReady: the bed is closed, isolated or not cleaned.
	ErrBedNotReady = fmt.Errorf("%w: the bed is not ready", hmstype.ErrPrecondition)
	// ErrPatientInBed: the patient lies in another bed, or lay in one at the time.
	ErrPatientInBed = fmt.Errorf("%w: the patient lies in another bed", hmstype.ErrPrecondition)
	// ErrStillInBed: the encounter cannot be finished while its patient lies in a bed.
	ErrStillInBed = fmt.Errorf("%w: the patient still lies in a bed", hmstype.ErrPrecondition)
	// ErrStayEnded: the stay has ended already.
	ErrStayEnded = fmt.Errorf("%w: the stay has ended", hmstype.ErrPrecondition)
	// ErrDischargeNotOrdered: a patient departs after a discharge was ordered.
	ErrDischargeNotOrdered = fmt.Errorf("%w: no discharge was ordered", hmstype.ErrPrecondition)
	// ErrEncounter: the encounter is closed, or another patient's.
	ErrEncounter = fmt.Errorf("%w: the encounter is not open", hmstype.ErrPrecondition)
	// ErrNameTaken: the tenant has a ward of this name, or the ward a bed of this number.
	ErrNameTaken = fmt.Errorf("%w: name", hmstype.ErrAlreadyExists)
)

// BedTakenError names the stay that is in the way, not the patient, whom the caller may
// not be allowed to know.
type BedTakenError struct {
	Stay  hmstype.StayID
	Since time.Time // UTC
}

// Error implements error.
func (e *BedTakenError) Error() string {
	return fmt.Sprintf("%v by stay %s since %s", ErrBedTaken, e.Stay, e.Since.Format(time.RFC3339))
}

// Unwrap gives [ErrBedTaken].
func (e *BedTakenError) Unwrap() error { return ErrBedTaken }

var _ = dbx.Declare(dbx.Constraints{
	"ward_name_key":     ErrNameTaken,
	"bed_number_key":    ErrNameTaken,
	"stay_bed_excl":     ErrBedTaken,
	"stay_patient_excl": ErrPatientInBed,
})
