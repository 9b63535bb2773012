package clinical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PrescribeInput describes a prescription.
type PrescribeInput struct {
	Encounter hmstype.EncounterID `json:"encounter"` // required, open
	// of the medication (RxNorm, ATC, ...); compared with the allergies, as are its names
	Code  hmstype.Code   `json:"code"`
	Codes []hmstype.Code `json:"codes"` // of ingredients and their classes, compared as well; at most 20
	// The last day defaults to a year from today. Without a reason to override, what a recorded
	// allergy speaks against is refused.
	PrescriptionDetails
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in PrescribeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	v.Nested("code", in.Code.Validate())
	v.Check(len(in.Codes) <= 20, "codes", "must be at most 20")
	for i, c := range in.Codes {
		v.Nested(fmt.Sprintf("codes[%d]", i), c.Validate())
	}
	in.PrescriptionDetails.validate(&v)
	return v.Err()
}

var opPrescribe = usecase.Command[PrescribeInput, Prescription]{
	Name: "clinical.prescribe", Permission: hmstype.PermPrescribe, Shows: prescriptions.One(),
	Key:          func(in PrescribeInput) string { return in.IdempotencyKey },
	Again:        usecase.ReadAgain(func(p Prescription) hmstype.PrescriptionID { return p.ID }, getPrescription),
	Practitioner: usecase.TheActor[PrescribeInput],
	Sample: PrescribeInput{
		Code: hmstype.Code{System: hmstype.SystemATC, Value: "N02BE01"},
		PrescriptionDetails: PrescriptionDetails{
			MedicationName: "Paracetamol 500 mg", GenericName: "paracetamol", Strength: "500 mg", Form: "tablet", Unit: "tablet",
			Dosage: "500 mg", DosesPerDay: 4, Frequency: "4x", Duration: "5 days", Instructions: "with water",
			Quantity: 20, RefillsAllowed: 1, DaysSupply: 5, ValidUntil: usecase.SampleDay, OverrideReason: "tolerated since",
		},
	},
}.Declare()

// Prescribe adds an active prescription. [ErrAllergy] (an *AllergyConflictError) where the
// patient is recorded as allergic to it and no OverrideReason is given; [ErrEncounterClosed],
// [ErrDeceased], [hmstype.ErrNotPractitioner]. The reason is kept only where an allergy spoke against it.
// Permission: [hmstype.PermPrescribe].
func (s *Service) Prescribe(ctx context.Context, in PrescribeInput) (Prescription, error) {
	return opPrescribe.Run(ctx, &s.base, in, s.prescribe)
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
	if err := s.lookUp(ctx, db, &in); err != nil {
		return Prescription{}, err
	}
	if in.OverrideReason, err = s.checkAllergies(ctx, db, encounter.PatientID, in); err != nil {
		return Prescription{}, err
	}
	if in.ValidUntil, err = validUntil(ctx, db, in.ValidUntil); err != nil {
		return Prescription{}, err
	}
	row := prescriptionRow{
		Header:    dbx.NewHeader[hmstype.PrescriptionID](db),
		PatientID: encounter.PatientID, EncounterID: encounter.ID,
		MedicationSystem: in.Code.System, MedicationCode: in.Code.Value, Codes: codesOf([]hmstype.Code{in.Code}, in.Codes),
		PrescriptionDetails: in.PrescriptionDetails, Status: PrescriptionActive,
	}
	err = prescriptionTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.PrescriptionDetails)
	if err != nil {
		return Prescription{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Prescription{}, err
	}
	return row.prescription(), db.Emit(ctx, dbx.Event{Type: eventPrescriptionWritten, ID: row.ID,
		Data: map[string]string{"id": row.ID.String()}})
}

// lookUp takes from the formulary what an item is: its name, codes, unit and form, whatever the input says of them.
func (s *Service) lookUp(ctx context.Context, db dbx.DB, in *PrescribeInput) error {
	if in.Medication.IsZero() {
		return nil
	}
	if s.ports.Formulary == nil {
		return hmstype.Invalid("medication", "must not be given: no formulary is connected")
	}
	item, active, err := s.ports.Formulary.Medicine(ctx, db.Conn(), in.Medication)
	switch {
	case errors.Is(err, hmstype.ErrNotFound):
		return hmstype.Invalid("medication", "must refer to an item of the formulary")
	case err != nil:
		return err
	case !active:
		return hmstype.Invalid("medication", "must refer to an item that is handed out")
	}
	in.MedicationName, in.GenericName, in.Strength = item.Name, item.GenericName, item.Strength
	in.Form, in.Unit = item.Form, item.Unit
	in.Codes = append(slices.Clone(in.Codes), item.Codes...)
	if in.Code.IsZero() && len(item.Codes) > 0 {
		in.Code = item.Codes[0]
	}
	var v hmstype.Validator
	in.checkDosage(&v)
	return v.Err()
}

// checkAllergies refuses what the patient is allergic to, unless there is a reason, which
// it gives back; it gives none where none was needed.
func (s *Service) checkAllergies(
	ctx context.Context, db dbx.DB, patient hmstype.PatientID, in PrescribeInput,
) (string, error) {
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
