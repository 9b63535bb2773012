package clinical

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// StatusEntry is one step of an encounter's history (FHIR Encounter.statusHistory).
type StatusEntry struct {
	Status EncounterStatus
	At     time.Time // UTC; the state lasted until the next entry
	By     string    // an actor, as in the audit trail
	Reason string    // required for cancelled and entered-in-error
}

type encounterStatusRow struct {
	bun.BaseModel `bun:"table:hms.encounter_status,alias:es"`
	dbx.Tenanted
	EncounterID hmstype.EncounterID `bun:"encounter_id,pk"`
	Version     int64               `bun:"version,pk"`
	PatientID   hmstype.PatientID
	Status      EncounterStatus
	EnteredAt   time.Time
	EnteredBy   string
	Reason      string
}

// noteStatus adds the row's present state to the encounter's history.
func noteStatus(ctx context.Context, db dbx.DB, row encounterRow, reason string) error {
	return dbx.Insert(ctx, db, encounterStatusRow{
		Tenanted: row.Tenanted, EncounterID: row.ID, Version: row.Version, PatientID: row.PatientID,
		Status: row.Status, EnteredAt: db.Now, EnteredBy: db.ActorName(), Reason: reason,
	})
}

// step moves a locked encounter to another state, notes it in the history and tells the
// host's bus. columns are those that change beside the state.
func step(ctx context.Context, db dbx.DB, row *encounterRow, to EncounterStatus, reason string, columns ...string) error {
	if err := EncounterTransitions.Check("encounter", row.Status, to); err != nil {
		return err
	}
	row.Status = to
	if err := dbx.UpdateVersioned(ctx, db, row, row.Version, append(columns, "status")...); err != nil {
		return err
	}
	row.Version++
	if err := noteStatus(ctx, db, *row, reason); err != nil {
		return err
	}
	return db.Emit(ctx, dbx.Event{Type: "encounter." + string(to), Entity: "encounter", ID: row.ID,
		Data: map[string]string{"id": row.ID.String(), "status": string(to)}})
}

// MoveInput steps an encounter on its way: arrival, triage, treatment, leave and return.
type MoveInput struct {
	ID     hmstype.EncounterID // required
	Status EncounterStatus     // arrived, triaged, in-progress or onleave
	Reason string              // optional, up to 200 characters
}

// Validate implements the rules above.
func (in MoveInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", EncounterArrived, EncounterTriaged, EncounterInProgress, EncounterOnLeave)
	v.Text(in.Reason, "reason", 0, 200)
	return v.Err()
}

// MoveEncounter steps an open encounter to another open state; [hmstype.ErrInvalidTransition]
// for a step that is not in [EncounterTransitions]. A planned encounter starts with the
// arrival; [ErrAlreadyInpatient] where it is an inpatient one and another is open.
func (s *Service) MoveEncounter(ctx context.Context, in MoveInput) (Encounter, error) {
	op := usecase.Op{Name: "encounter.move", Permission: hmstype.PermClinicalWrite}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, encounterText, func(ctx context.Context, db dbx.DB, in MoveInput) (Encounter, error) {
		row, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID, dbx.ForUpdate)
		if err != nil {
			return Encounter{}, err
		}
		if row.Status == EncounterPlanned {
			row.StartedAt = db.Now
		}
		err = step(ctx, db, &row, in.Status, in.Reason, "started_at")
		return row.encounter(), err
	}))
}

// FinishInput ends an encounter.
type FinishInput struct {
	ID             hmstype.EncounterID // required
	Diagnosis      string              // up to 2000 characters; empty keeps what is noted
	Disposition    string              // FHIR discharge-disposition: home, hosp, snf, aadvice, exp, oth, ...; required
	Service        string              // service code to charge for the visit; empty means the encounter's own
	IdempotencyKey string
}

// Validate implements the rules above.
func (in FinishInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Diagnosis, "diagnosis", 0, 2000)
	v.Text(in.Disposition, "disposition", 1, 20)
	names.CheckOptional(&v, names.CodeKey, in.Service, "service", 50)
	return v.Err()
}

// FinishEncounter ends a visit and charges for it. A guard may refuse, for instance while
// the patient lies in a bed.
func (s *Service) FinishEncounter(ctx context.Context, in FinishInput) (Encounter, error) {
	op := usecase.Op{Name: "encounter.finish", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, encounterText, s.finishEncounter))
}

func (s *Service) finishEncounter(ctx context.Context, db dbx.DB, in FinishInput) (Encounter, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID, dbx.ForUpdate)
	if err != nil {
		return Encounter{}, err
	}
	if err := EncounterTransitions.Check("encounter", row.Status, EncounterFinished); err != nil {
		return Encounter{}, err
	}
	if err := s.askGuards(ctx, db, row.ID); err != nil {
		return Encounter{}, err
	}
	row.EndedAt, row.Disposition = db.Now, in.Disposition
	if in.Diagnosis != "" {
		row.Diagnosis = in.Diagnosis
		if err := s.seal(ctx, db, row.PatientID, row.ID, fieldcrypt.Part{Field: fieldEncounterDiagnosis, Text: &row.Diagnosis}); err != nil {
			return Encounter{}, err
		}
	}
	if in.Service != "" {
		row.ServiceCode = in.Service
	}
	if err := step(ctx, db, &row, EncounterFinished, "", "ended_at", "disposition", "diagnosis", "service_code"); err != nil {
		return Encounter{}, err
	}
	if row.ServiceCode == "" {
		return row.encounter(), nil
	}
	_, err = s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
		Source: chargeSource(row.ID), Patient: row.PatientID, Encounter: row.ID,
		Service: row.ServiceCode, Quantity: decimal.NewFromInt(1), At: db.Now,
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

// WithdrawInput ends an encounter that did not take place, or should not be on record.
type WithdrawInput struct {
	ID     hmstype.EncounterID // required
	Reason string              // required, up to 200 characters
}

// Validate implements the rules above.
func (in WithdrawInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// CancelEncounter ends an encounter before treatment has begun (the patient left).
func (s *Service) CancelEncounter(ctx context.Context, in WithdrawInput) (Encounter, error) {
	op := usecase.Op{Name: "encounter.cancel", Permission: hmstype.PermClinicalWrite}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, encounterText, func(ctx context.Context, db dbx.DB, in WithdrawInput) (Encounter, error) {
		return s.withdraw(ctx, db, in, EncounterCancelled)
	}))
}

// MarkEncounterError says that an encounter was entered in error, and reverses its charge.
// It stays on record, as does what was written in it.
func (s *Service) MarkEncounterError(ctx context.Context, in WithdrawInput) (Encounter, error) {
	op := usecase.Op{Name: "encounter.mark_error", Permission: hmstype.PermClinicalWrite}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, encounterText, func(ctx context.Context, db dbx.DB, in WithdrawInput) (Encounter, error) {
		encounter, err := s.withdraw(ctx, db, in, EncounterEnteredInError)
		if err != nil {
			return encounter, err
		}
		return encounter, s.ports.Charges.Reverse(ctx, db.Conn(), chargeSource(in.ID), in.Reason)
	}))
}

func (s *Service) withdraw(ctx context.Context, db dbx.DB, in WithdrawInput, to EncounterStatus) (Encounter, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID, dbx.ForUpdate)
	if err != nil {
		return Encounter{}, err
	}
	if err := EncounterTransitions.Check("encounter", row.Status, to); err != nil {
		return Encounter{}, err
	}
	if err := s.askGuards(ctx, db, row.ID); err != nil {
		return Encounter{}, err
	}
	if row.EndedAt.IsZero() {
		row.EndedAt = db.Now
	}
	err = step(ctx, db, &row, to, in.Reason, "ended_at")
	return row.encounter(), err
}
