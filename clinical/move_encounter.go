package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// MoveEncounterInput steps an encounter on its way: arrival, triage, treatment, leave and return.
type MoveEncounterInput struct {
	ID     hmstype.EncounterID `json:"id"`     // required
	Status EncounterStatus     `json:"status"` // arrived, triaged, in-progress or onleave
	Reason string              `json:"reason"` // optional, up to 200 characters
}

// Validate implements the rules above.
func (in MoveEncounterInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", EncounterArrived, EncounterTriaged, EncounterInProgress, EncounterOnLeave)
	v.Text(in.Reason, "reason", 0, 200)
	return v.Err()
}

var opMoveEncounter = usecase.Command[MoveEncounterInput, Encounter]{
	Name: "clinical.move_encounter", Permission: hmstype.PermEncounterWrite, Shows: encounters.One(),
	Sample: MoveEncounterInput{Status: EncounterTriaged, Reason: "was called"},
}.Declare()

// MoveEncounter steps an open encounter to another open state; [hmstype.ErrInvalidTransition]
// for a step that is not in [EncounterTransitions]. A planned encounter starts with the
// arrival; [ErrAlreadyInpatient] where it is an inpatient one and another is open.
// Permission: [hmstype.PermEncounterWrite].
func (s *Service) MoveEncounter(ctx context.Context, in MoveEncounterInput) (Encounter, error) {
	return opMoveEncounter.Run(ctx, &s.base, in, moveEncounter)
}

func moveEncounter(ctx context.Context, db dbx.DB, in MoveEncounterInput) (Encounter, error) {
	row, err := dbx.Step(ctx, db, encounterSteps, in.ID, dbx.Change[encounterRow, EncounterStatus]{
		To: in.Status, Reason: in.Reason,
		Apply: func(row *encounterRow) error {
			if row.Status != EncounterPlanned {
				return nil
			}
			row.StartedAt = db.Now
			return refuseSecondStay(ctx, db, *row)
		},
	})
	return row.encounter(), err
}

// refuseSecondStay gives the typed error for a stay that begins beside another, which the database would refuse as
// well.
func refuseSecondStay(ctx context.Context, db dbx.DB, row encounterRow) error {
	if row.Class != ClassInpatient {
		return nil
	}
	open, err := dbx.Exists[encounterRow](ctx, db, dbx.Equal("patient_id", row.PatientID),
		dbx.Equal("class", ClassInpatient), dbx.OneOf("status", present))
	if err != nil || !open {
		return err
	}
	return openInTheWay(ctx, db, encounterRow{PatientID: row.PatientID})
}
