package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EncounterWithdrawal ends an encounter that did not take place, or should not be on record.
type EncounterWithdrawal struct {
	ID     hmstype.EncounterID `json:"id"`     // required
	Reason string              `json:"reason"` // required, up to 200 characters
}

// Validate implements the rules above.
func (in EncounterWithdrawal) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// CancelEncounterInput is the input of [Service.CancelEncounter]; see [EncounterWithdrawal].
type CancelEncounterInput EncounterWithdrawal

// Validate implements the rules of [EncounterWithdrawal].
func (in CancelEncounterInput) Validate() error { return EncounterWithdrawal(in).Validate() }

// EnterEncounterInErrorInput is the input of [Service.EnterEncounterInError]; see [EncounterWithdrawal].
type EnterEncounterInErrorInput EncounterWithdrawal

// Validate implements the rules of [EncounterWithdrawal].
func (in EnterEncounterInErrorInput) Validate() error { return EncounterWithdrawal(in).Validate() }

var opCancelEncounter = usecase.Command[CancelEncounterInput, Encounter]{
	Name: "clinical.cancel_encounter", Permission: hmstype.PermEncounterWrite, Shows: encounters.One(),
	Sample: CancelEncounterInput{Reason: "left"},
}.Declare()

// CancelEncounter ends an encounter before treatment has begun (the patient left).
// Permission: [hmstype.PermEncounterWrite].
func (s *Service) CancelEncounter(ctx context.Context, in CancelEncounterInput) (Encounter, error) {
	return opCancelEncounter.Run(ctx, &s.base, in, s.cancelEncounter)
}

func (s *Service) cancelEncounter(ctx context.Context, db dbx.DB, in CancelEncounterInput) (Encounter, error) {
	return s.withdraw(ctx, db, EncounterWithdrawal(in), EncounterCancelled)
}

var opEnterEncounterInError = usecase.Command[EnterEncounterInErrorInput, Encounter]{
	Name: "clinical.enter_encounter_in_error", Permission: hmstype.PermClinicalWrite, Shows: encounters.One(),
	Sample: EnterEncounterInErrorInput{Reason: "opened for another patient"},
}.Declare()

// EnterEncounterInError says that an encounter was entered in error, and takes back what was recorded in it: its
// prescriptions, vital signs, problems, notes and laboratory orders are entered in error with the reason, its charges
// aborted. All of it stays on record. [ErrStanding] (a *[StandingError] that lists it) while something was handed out,
// resulted or billed and is not reversed: what was done is undone by itself, and by who may. An appointment that the
// encounter came of serves another: [Service.OpenEncounter].
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) EnterEncounterInError(ctx context.Context, in EnterEncounterInErrorInput) (Encounter, error) {
	return opEnterEncounterInError.Run(ctx, &s.base, in, s.markEncounterError)
}

func (s *Service) markEncounterError(ctx context.Context, db dbx.DB, in EnterEncounterInErrorInput) (Encounter, error) {
	row, err := s.withdrawRow(ctx, db, EncounterWithdrawal(in), EncounterEnteredInError)
	if err != nil {
		return Encounter{}, err
	}
	if err := s.takeBack(ctx, db, row, in.Reason); err != nil {
		return Encounter{}, err
	}
	return row.encounter(), s.ports.Charges.Reverse(ctx, db.Conn(), chargeSource(in.ID), in.Reason)
}

func (s *Service) withdraw(
	ctx context.Context, db dbx.DB, in EncounterWithdrawal, to EncounterStatus,
) (Encounter, error) {
	row, err := s.withdrawRow(ctx, db, in, to)
	return row.encounter(), err
}

func (s *Service) withdrawRow(
	ctx context.Context, db dbx.DB, in EncounterWithdrawal, to EncounterStatus,
) (encounterRow, error) {
	return dbx.Step(ctx, db, encounterSteps, in.ID, dbx.Change[encounterRow, EncounterStatus]{
		To: to, Reason: in.Reason,
		Apply: func(row *encounterRow) error {
			if row.EndedAt.IsZero() {
				row.EndedAt = db.Now
			}
			return s.askGuards(ctx, db, row.ID)
		},
	})
}
