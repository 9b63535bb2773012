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
	Name:       "clinical.finish_encounter",
	Permission: hmstype.PermClinicalWrite,
	Shows:      encounters.One(),
	Key:        func(in FinishEncounterInput) string { return in.IdempotencyKey },
	Again:      usecase.ReadAgain(func(e Encounter) hmstype.EncounterID { return e.ID }, getEncounter),
	Sample: FinishEncounterInput{
		EncounterOutcome: EncounterOutcome{Diagnosis: "cold", Disposition: "home"}, Service: "CONS",
	},
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
