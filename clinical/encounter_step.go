package clinical

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// encounterSteps is how an encounter changes its state.
var encounterSteps = dbx.Machine[encounterRow, EncounterStatus]{
	Table: "encounter", Transitions: EncounterTransitions,
	State:   func(r *encounterRow) *EncounterStatus { return &r.Status },
	Columns: []string{"started_at", "ended_at", "diagnosis", "disposition", "service_code"},
	Event: func(r *encounterRow, from EncounterStatus) dbx.Event {
		kind := encounterEvents[r.Status]
		if from == EncounterOnLeave && r.Status == EncounterInProgress {
			kind = eventEncounterResumed
		}
		return dbx.Event{
			Type: kind, ID: r.ID,
			Data: map[string]string{"id": r.ID.String(), "status": string(r.Status)},
		}
	},
}

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
	Name: "clinical.move_encounter", Permission: hmstype.PermClinicalWrite, Shows: encounters.One(),
	Sample: MoveEncounterInput{Status: EncounterTriaged, Reason: "was called"},
}.Declare()

// MoveEncounter steps an open encounter to another open state; [hmstype.ErrInvalidTransition]
// for a step that is not in [EncounterTransitions]. A planned encounter starts with the
// arrival; [ErrAlreadyInpatient] where it is an inpatient one and another is open.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) MoveEncounter(ctx context.Context, in MoveEncounterInput) (Encounter, error) {
	return opMoveEncounter.Run(ctx, &s.base, in, moveEncounter)
}

func moveEncounter(ctx context.Context, db dbx.DB, in MoveEncounterInput) (Encounter, error) {
	row, err := dbx.Step(ctx, db, encounterSteps, in.ID, dbx.Change[encounterRow, EncounterStatus]{
		To: in.Status, Reason: in.Reason,
		Apply: func(row *encounterRow) error {
			if row.Status == EncounterPlanned {
				row.StartedAt = db.Now
			}
			return nil
		},
	})
	return row.encounter(), err
}

// FinishEncounterInput ends an encounter.
type FinishEncounterInput struct {
	ID               hmstype.EncounterID `json:"id"` // required
	EncounterOutcome                     // the disposition is required; an empty diagnosis keeps what is noted
	// service code to charge for the visit; empty means the encounter's own
	Service        string `json:"service"`
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in FinishEncounterInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	in.EncounterOutcome.validate(&v)
	names.CheckOptional(&v, names.CodeKey, in.Service, "service", 50)
	return v.Err()
}

var opFinishEncounter = usecase.Command[FinishEncounterInput, Encounter]{
	Name: "clinical.finish_encounter", Permission: hmstype.PermClinicalWrite, Shows: encounters.One(),
	Key:    func(in FinishEncounterInput) string { return in.IdempotencyKey },
	Sample: FinishEncounterInput{EncounterOutcome: EncounterOutcome{Diagnosis: "cold", Disposition: "home"}, Service: "CONS"},
}.Declare()

// FinishEncounter ends a visit and charges for it. A guard may refuse, for instance while
// the patient lies in a bed.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) FinishEncounter(ctx context.Context, in FinishEncounterInput) (Encounter, error) {
	return opFinishEncounter.Run(ctx, &s.base, in, s.finishEncounter)
}

func (s *Service) finishEncounter(ctx context.Context, db dbx.DB, in FinishEncounterInput) (Encounter, error) {
	row, err := dbx.Step(ctx, db, encounterSteps, in.ID, dbx.Change[encounterRow, EncounterStatus]{
		To: EncounterFinished,
		Apply: func(row *encounterRow) error {
			if in.Service != "" {
				row.Service = in.Service
			}
			row.EndedAt, row.Disposition = db.Now, in.Disposition
			if in.Diagnosis != "" {
				row.Diagnosis = in.Diagnosis
				whose := row.PatientID.UUID()
				if err := outcomeTexts.Seal(ctx, s.base.Crypt, db, whose, row.ID, &row.EncounterOutcome); err != nil {
					return err
				}
			}
			return s.askGuards(ctx, db, row.ID)
		},
	})
	if err != nil || row.Service == "" {
		return row.encounter(), err
	}
	_, err = s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
		Source: chargeSource(row.ID), Patient: row.PatientID, Encounter: row.ID,
		Service: row.Service, Quantity: decimal.NewFromInt(1), At: db.Now,
	})
	return row.encounter(), err
}

func chargeSource(id hmstype.EncounterID) charge.Source {
	return charge.Source{Kind: "encounter", ID: id.String()}
}

// askGuards lets others object to the end of an encounter.
func (s *Service) askGuards(ctx context.Context, db dbx.DB, id hmstype.EncounterID) error {
	for _, guard := range s.ports.FinishGuards {
		if err := guard.BeforeFinish(ctx, db.Conn(), id); err != nil {
			return err
		}
	}
	return nil
}

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
	Name: "clinical.cancel_encounter", Permission: hmstype.PermClinicalWrite, Shows: encounters.One(),
	Sample: CancelEncounterInput{Reason: "left"},
}.Declare()

// CancelEncounter ends an encounter before treatment has begun (the patient left).
// Permission: [hmstype.PermClinicalWrite].
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

// EnterEncounterInError says that an encounter was entered in error, and reverses its charge.
// It stays on record, as does what was written in it.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) EnterEncounterInError(ctx context.Context, in EnterEncounterInErrorInput) (Encounter, error) {
	return opEnterEncounterInError.Run(ctx, &s.base, in, s.markEncounterError)
}

func (s *Service) markEncounterError(ctx context.Context, db dbx.DB, in EnterEncounterInErrorInput) (Encounter, error) {
	encounter, err := s.withdraw(ctx, db, EncounterWithdrawal(in), EncounterEnteredInError)
	if err != nil {
		return encounter, err
	}
	return encounter, s.ports.Charges.Reverse(ctx, db.Conn(), chargeSource(in.ID), in.Reason)
}

func (s *Service) withdraw(ctx context.Context, db dbx.DB, in EncounterWithdrawal, to EncounterStatus) (Encounter, error) {
	row, err := dbx.Step(ctx, db, encounterSteps, in.ID, dbx.Change[encounterRow, EncounterStatus]{
		To: to, Reason: in.Reason,
		Apply: func(row *encounterRow) error {
			if row.EndedAt.IsZero() {
				row.EndedAt = db.Now
			}
			return s.askGuards(ctx, db, row.ID)
		},
	})
	return row.encounter(), err
}
