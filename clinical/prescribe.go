package clinical

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	// The last day defaults to a year from today.
	PrescriptionDetails
	// Overrides give the reason for each finding that stands in the way; without, it is refused. At most 50.
	Overrides      []hmstype.Override `json:"overrides"`
	IdempotencyKey string             `json:"idempotencyKey"`
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
	hmstype.CheckOverrides(&v, "overrides", in.Overrides)
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

// Prescribe adds an active prescription, with the verdict of the safety checks. [hmstype.ErrFindings] (a
// *hmstype.FindingsError) where something speaks against it that no override is given for; what could not be checked
// does not stop it, and is said. [ErrEncounterClosed], [patient.ErrDeceased], [hmstype.ErrNotPractitioner].
// OverrideReason is kept only where something was overridden. Permission: [hmstype.PermPrescribe].
func (s *Service) Prescribe(ctx context.Context, in PrescribeInput) (Prescription, error) {
	var advice Advice
	prepare := func(ctx context.Context) (err error) {
		advice, err = ask(ctx, s.base, s.ports.Advisor, func(ctx context.Context, db dbx.DB) (JudgeInput, error) {
			encounter, err := dbx.Get[encounterRow](ctx, db, "encounter", in.Encounter)
			if err != nil {
				return JudgeInput{}, err
			}
			asked, typed := in, in.MedicationName
			err = s.lookUp(ctx, db, &asked)
			return asked.row(encounter.PatientID).judged(typed), err
		})
		return err
	}
	return opPrescribe.RunAfter(ctx, &s.base, in, prepare,
		func(ctx context.Context, db dbx.DB, in PrescribeInput) (Prescription, error) {
			return s.prescribe(ctx, db, in, advice)
		})
}

// row gives what of a prescription the input says, whose item was looked up.
func (in PrescribeInput) row(patient hmstype.PatientID) prescriptionRow {
	return prescriptionRow{
		PatientID: patient, EncounterID: in.Encounter, MedicationSystem: in.Code.System, MedicationCode: in.Code.Value,
		Codes: codesOf([]hmstype.Code{in.Code}, in.Codes), PrescriptionDetails: in.PrescriptionDetails,
		Status: PrescriptionActive,
	}
}

// judged gives what is checked of a new prescription. typed is the name that was given, which an item's takes the place
// of, and which is compared all the same.
func (r prescriptionRow) judged(typed string) JudgeInput {
	return JudgeInput{
		Patient: r.PatientID, Medicine: r.medicine(), AlsoCalled: []string{typed}, Dosage: r.Dosage,
		DosesPerDay: r.DosesPerDay,
	}
}

func (s *Service) prescribe(
	ctx context.Context, db dbx.DB, in PrescribeInput, advice Advice,
) (Prescription, error) {
	seen, err := dbx.Get[encounterRow](ctx, db, "encounter", in.Encounter)
	if err != nil {
		return Prescription{}, err
	}
	if _, err := s.ports.Patients.LockForCare(ctx, db.Conn(), seen.PatientID); err != nil { // see lockedJudge
		return Prescription{}, err
	}
	encounter, err := requireOpen(ctx, db, in.Encounter)
	if err != nil {
		return Prescription{}, err
	}
	typed := in.MedicationName
	if err := s.lookUp(ctx, db, &in); err != nil {
		return Prescription{}, err
	}
	if in.ValidUntil, err = validUntil(ctx, db, in.ValidUntil); err != nil {
		return Prescription{}, err
	}
	row := in.row(encounter.PatientID)
	row.Header = dbx.NewHeader[hmstype.PrescriptionID](db)
	if err := row.judge(ctx, db, typed, advice, in.Overrides); err != nil {
		return Prescription{}, err
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

// judge makes the verdict of what is prescribed, and refuses what was found and not overridden.
func (r *prescriptionRow) judge(
	ctx context.Context, db dbx.DB, typed string, advice Advice, overrides []hmstype.Override,
) error {
	verdict, err := lockedJudge(ctx, db, r.judged(typed), advice)
	if err != nil {
		return err
	}
	r.Verdict = verdict.WithOverrides(overrides)
	if !r.Verdict.Overridden() {
		r.OverrideReason = ""
	}
	return refuseFindings(ctx, db, r.PatientID, r.Verdict)
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
