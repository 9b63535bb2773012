package clinical

import (
	"context"
	"fmt"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// PrescribeInput describes a prescription.
type PrescribeInput struct {
	Encounter      hmstype.EncounterID      // required, open
	Medication     hmstype.MedicationItemID // an item of the formulary; zero for what the hospital does not stock
	Code           hmstype.Code             // of the medication (RxNorm, ATC, ...); compared with the patient's allergies
	MedicationName string                   // required, up to 200 characters; compared as well
	GenericName    string                   // compared as well; up to 200 characters
	Codes          []hmstype.Code           // of ingredients and their classes, compared as well; at most 20
	Dosage         string                   // required, up to 100 characters
	Frequency      string                   // required, up to 100 characters
	Duration       string                   // required, up to 100 characters
	Instructions   string                   // up to 2000 characters
	Quantity       hmstype.Quantity         // of one fill, in base units; required
	RefillsAllowed int                      // 0 to 99
	DaysSupply     int                      // how many days one fill lasts, up to 3650; zero means not told
	ValidUntil     hmstype.Date             // the last day; zero means a year from today
	OverrideReason string                   // why to prescribe against a recorded allergy; empty refuses that
	IdempotencyKey string
}

// Validate implements the rules above.
func (in PrescribeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	v.Nested("code", in.Code.Validate())
	v.Text(in.MedicationName, "medicationName", 1, 200)
	v.Text(in.GenericName, "genericName", 0, 200)
	v.Check(len(in.Codes) <= 20, "codes", "must be at most 20")
	for i, c := range in.Codes {
		v.Nested(fmt.Sprintf("codes[%d]", i), c.Validate())
	}
	v.Text(in.Dosage, "dosage", 1, 100)
	v.Text(in.Frequency, "frequency", 1, 100)
	v.Text(in.Duration, "duration", 1, 100)
	v.Text(in.Instructions, "instructions", 0, 2000)
	in.Quantity.CheckPositive(&v, "quantity")
	v.Check(in.RefillsAllowed >= 0 && in.RefillsAllowed <= 99, "refillsAllowed", "must lie between 0 and 99")
	v.Check(in.DaysSupply >= 0 && in.DaysSupply <= 3650, "daysSupply", "must lie between 0 and 3650")
	v.Text(in.OverrideReason, "overrideReason", 0, 500)
	return v.Err()
}

// Prescribe adds an active prescription. [ErrAllergy] (an *AllergyConflictError) where the
// patient is recorded as allergic to it and no OverrideReason is given; [ErrEncounterClosed],
// [ErrDeceased]. The reason is kept only where an allergy spoke against it.
func (s *Service) Prescribe(ctx context.Context, in PrescribeInput) (Prescription, error) {
	op := usecase.Op{Name: "prescription.write", Permission: hmstype.PermPrescribe, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, prescriptionText, s.prescribe))
}

func (s *Service) prescribe(ctx context.Context, db dbx.DB, in PrescribeInput) (Prescription, error) {
	encounter, err := requireOpen(ctx, db, in.Encounter)
	if err != nil {
		return Prescription{}, err
	}
	who, err := s.ports.Patients.Require(ctx, db.Conn(), encounter.PatientID)
	if err != nil {
		return Prescription{}, err
	}
	if who.Deceased {
		return Prescription{}, ErrDeceased
	}
	if in.OverrideReason, err = s.checkAllergies(ctx, db, encounter.PatientID, in); err != nil {
		return Prescription{}, err
	}
	if in.ValidUntil, err = validUntil(ctx, db, in.ValidUntil); err != nil {
		return Prescription{}, err
	}
	row := prescriptionRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.PrescriptionID](),
		PatientID: encounter.PatientID, EncounterID: encounter.ID, MedicationItemID: in.Medication,
		MedicationSystem: in.Code.System, MedicationCode: in.Code.Value, MedicationName: in.MedicationName,
		Dosage: in.Dosage, Frequency: in.Frequency, Duration: in.Duration, Instructions: in.Instructions,
		Status: PrescriptionActive, Quantity: in.Quantity, RefillsAllowed: in.RefillsAllowed, DaysSupply: in.DaysSupply,
		ValidUntil: in.ValidUntil, OverrideReason: in.OverrideReason,
		PrescribedBy: db.ActorName(), PrescribedAt: db.Now, Version: 1,
	}
	if err := s.seal(ctx, db, row.PatientID, row.ID, fieldcrypt.Part{Field: fieldInstructions, Text: &row.Instructions}); err != nil {
		return Prescription{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Prescription{}, err
	}
	return row.prescription(), db.Emit(ctx, dbx.Event{Type: "prescription.written", Entity: "prescription", ID: row.ID,
		Data: map[string]string{"id": row.ID.String()}})
}

// checkAllergies refuses what the patient is allergic to, unless there is a reason, which
// it gives back; it gives none where none was needed.
func (s *Service) checkAllergies(ctx context.Context, db dbx.DB, patient hmstype.PatientID, in PrescribeInput) (string, error) {
	codes := append([]hmstype.Code{in.Code}, in.Codes...)
	matches, err := allergyMatches(ctx, db, patient, codes, []string{in.MedicationName, in.GenericName})
	switch {
	case err != nil || len(matches) == 0:
		return "", err
	case strings.TrimSpace(in.OverrideReason) == "":
		return "", &AllergyConflictError{Allergies: matches}
	default:
		return in.OverrideReason, nil
	}
}

// defaultValidity is how long a prescription may be dispensed where it does not say.
const defaultValidity = 365 // days

func validUntil(ctx context.Context, db dbx.DB, wanted hmstype.Date) (hmstype.Date, error) {
	today, err := db.Today(ctx)
	switch {
	case err != nil:
		return wanted, err
	case wanted.IsZero():
		return today.AddDays(defaultValidity), nil
	case wanted.Before(today):
		return wanted, hmstype.Invalid("validUntil", "must not lie in the past")
	default:
		return wanted, nil
	}
}
