package clinical

import (
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// PrescriptionStatus is FHIR R4 medicationrequest-status.
type PrescriptionStatus string

// The states of a prescription.
const (
	PrescriptionDraft          PrescriptionStatus = "draft"
	PrescriptionActive         PrescriptionStatus = "active"
	PrescriptionOnHold         PrescriptionStatus = "on-hold"
	PrescriptionCompleted      PrescriptionStatus = "completed" // everything was dispensed
	PrescriptionStopped        PrescriptionStatus = "stopped"   // after something was dispensed
	PrescriptionCancelled      PrescriptionStatus = "cancelled" // before anything was
	PrescriptionEnteredInError PrescriptionStatus = "entered-in-error"
)

// PrescriptionTransitions are the allowed steps between the states. A completed
// prescription becomes active again when something comes back.
var PrescriptionTransitions = hmstype.Transitions[PrescriptionStatus]{
	PrescriptionDraft: {PrescriptionActive, PrescriptionCancelled, PrescriptionEnteredInError},
	PrescriptionActive: {
		PrescriptionOnHold, PrescriptionCompleted, PrescriptionStopped, PrescriptionCancelled, PrescriptionEnteredInError,
	},
	PrescriptionOnHold:    {PrescriptionActive, PrescriptionStopped, PrescriptionCancelled, PrescriptionEnteredInError},
	PrescriptionCompleted: {PrescriptionActive, PrescriptionEnteredInError},
	PrescriptionStopped:   {PrescriptionEnteredInError},
	PrescriptionCancelled: {PrescriptionEnteredInError},
}

// PrescriptionDetails are what is prescribed.
type PrescriptionDetails struct {
	// Medication is an item of the formulary; zero for what the hospital does not stock.
	Medication hmstype.MedicationItemID `bun:"medication_item_id" json:"medication"`
	// MedicationName, GenericName, Strength, Form and Unit are the item's where there is one, whatever is given. Without
	// an item a name, 1 to 200 characters, and a unit, 1 to 20, are required.
	MedicationName string `bun:"medication_name" json:"medicationName"`
	GenericName    string `bun:"generic_name"    json:"genericName,omitempty"` // up to 200 characters
	Strength       string `bun:"strength"        json:"strength,omitempty"`    // of one unit; up to 50
	Form           string `bun:"form"            json:"form,omitempty"`        // such as "tablet"; up to 50
	Unit           string `bun:"unit"            json:"unit"`                  // what Quantity counts, such as "tablet"
	// Dosage is one dose: an amount above 0 and up to 100,000,000 and its unit, such as "500 mg", "1/2 tablet" or
	// "5-10 ml"; a number alone counts units. Behind it more may be said: "500 mg with food". 1 to 100 characters.
	// What has no amount, as an ointment, has the unit's: "1", and words in Instructions.
	Dosage string `bun:"dosage" json:"dosage"`
	// DosesPerDay is how many doses are at most taken in a day, up to 96; zero means not told, and the dose is then
	// not checked over a day.
	DosesPerDay int `bun:"doses_per_day,nullzero" json:"dosesPerDay,omitempty"`
	// such as "twice a day"; 1 to 100
	Frequency string `bun:"frequency" json:"frequency"`
	Duration  string `bun:"duration"  json:"duration"` // such as "7 days"; 1 to 100
	// Instructions are for the patient; up to 2000 characters.
	Instructions string `bun:"instructions" json:"instructions,omitempty"`
	// Quantity is that of one fill, in units; 1 to [MaxPrescribed].
	Quantity       hmstype.Quantity `bun:"quantity"        json:"quantity"`
	RefillsAllowed int              `bun:"refills_allowed" json:"refillsAllowed"` // fills beyond the first; 0 to 99
	// DaysSupply is how many days one fill lasts, up to 3650; zero means not told.
	DaysSupply int          `bun:"days_supply,nullzero" json:"daysSupply,omitempty"`
	ValidUntil hmstype.Date `bun:"valid_until"          json:"validUntil"` // the last day on which it may be dispensed
	// OverrideReason says more of why it was prescribed against what was found; up to 500 characters.
	OverrideReason string `bun:"override_reason" json:"overrideReason,omitempty"`
}

// MaxPrescribed is the greatest quantity of one fill: three months of 1,000 units a day fit in.
const MaxPrescribed hmstype.Quantity = 100_000

func (d PrescriptionDetails) validate(v *hmstype.Validator) {
	least := 1
	if !d.Medication.IsZero() {
		least = 0
	}
	v.Text(d.MedicationName, "medicationName", least, 200)
	v.Text(d.GenericName, "genericName", 0, 200)
	v.Text(d.Strength, "strength", 0, 50)
	v.Text(d.Form, "form", 0, 50)
	v.Text(d.Unit, "unit", least, 20)
	if d.Medication.IsZero() && strings.TrimSpace(d.Dosage) != "" { // otherwise when the item's unit is known
		d.checkDosage(v)
	}
	v.Check(d.DosesPerDay >= 0 && d.DosesPerDay <= 96, "dosesPerDay", "must lie between 0 and 96")
	v.Text(d.Dosage, "dosage", 1, 100)
	v.Text(d.Frequency, "frequency", 1, 100)
	v.Text(d.Duration, "duration", 1, 100)
	v.Text(d.Instructions, "instructions", 0, 2000)
	v.Check(d.Quantity >= 1 && d.Quantity <= MaxPrescribed, "quantity", "must lie between 1 and 100000")
	v.Check(d.RefillsAllowed >= 0 && d.RefillsAllowed <= 99, "refillsAllowed", "must lie between 0 and 99")
	v.Check(d.DaysSupply >= 0 && d.DaysSupply <= 3650, "daysSupply", "must lie between 0 and 3650")
	v.Text(d.OverrideReason, "overrideReason", 0, 500)
}

// Prescription is one prescribed medication (FHIR MedicationRequest).
type Prescription struct {
	ID        hmstype.PrescriptionID `json:"id"`
	Patient   hmstype.PatientID      `json:"patient"`
	Encounter hmstype.EncounterID    `json:"encounter"`
	// of the medication, without display: what was given or else the item's; zero where it was not coded
	Code  hmstype.Code   `json:"code"`
	Codes []hmstype.Code `json:"codes,omitempty"` // all that it was compared by, without display
	PrescriptionDetails
	Verdict      hmstype.Verdict    `json:"verdict"` // of the safety checks when it was prescribed
	Status       PrescriptionStatus `json:"status"`
	Dispensed    hmstype.Quantity   `json:"dispensed"`            // handed out and not come back, over all fills
	StopReason   string             `json:"stopReason,omitempty"` // why it took its last step
	PrescribedBy hmstype.ActorRef   `json:"prescribedBy"`
	PrescribedAt time.Time          `json:"prescribedAt,omitzero"` // UTC
	Version      int64              `json:"version"`               // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

// Remaining gives what may still be dispensed.
func (p Prescription) Remaining() hmstype.Quantity { return p.Limit() - p.Dispensed }

// Limit gives what may be dispensed over all fills.
func (p Prescription) Limit() hmstype.Quantity {
	return p.Quantity * hmstype.Quantity(1+p.RefillsAllowed)
}

type prescriptionRow struct {
	bun.BaseModel `bun:"table:hms.prescription,alias:rx"`
	dbx.Header[hmstype.PrescriptionID]
	PatientID        hmstype.PatientID
	EncounterID      hmstype.EncounterID
	MedicationSystem string
	MedicationCode   string
	Codes            []hmstype.Code `bun:"codes,type:jsonb"`
	PrescriptionDetails
	Verdict           hmstype.Verdict `bun:"verdict,type:jsonb"`
	Status            PrescriptionStatus
	DispensedQuantity hmstype.Quantity
	StopReason        string
}

// Position orders prescriptions by when they were written.
func (r prescriptionRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r prescriptionRow) prescription() Prescription {
	return Prescription{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID,
		Code: hmstype.Code{System: r.MedicationSystem, Value: r.MedicationCode}, Codes: r.Codes,
		PrescriptionDetails: r.PrescriptionDetails, Verdict: r.Verdict, Status: r.Status,
		Dispensed: r.DispensedQuantity, StopReason: r.StopReason,
		PrescribedBy: r.CreatedBy, PrescribedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// medicine says what was prescribed.
func (r prescriptionRow) medicine() hmstype.Medicine {
	return hmstype.Medicine{
		Item: r.Medication, Name: r.MedicationName, GenericName: r.GenericName, Strength: r.Strength, Form: r.Form,
		Unit: r.Unit, Codes: r.Codes,
	}
}

// prescriptionSteps is how a prescription changes its state.
var prescriptionSteps = dbx.Machine[prescriptionRow, PrescriptionStatus]{
	Table: "prescription", Transitions: PrescriptionTransitions,
	State:   func(r *prescriptionRow) *PrescriptionStatus { return &r.Status },
	Columns: []string{"stop_reason", "dispensed_quantity"},
	Event: func(r *prescriptionRow, _ PrescriptionStatus) dbx.Event {
		return dbx.Event{
			Type: prescriptionEvents[r.Status], ID: r.ID,
			Data: map[string]string{"id": r.ID.String(), "status": string(r.Status)},
		}
	},
}

// prescriptionTexts are what of a prescription is sealed.
var prescriptionTexts = fieldcrypt.Table[PrescriptionDetails]{
	Name: "prescription", Subject: "patient_id", Narrative: true,
	Texts: func(d *PrescriptionDetails) []fieldcrypt.Text {
		return []fieldcrypt.Text{{Column: "instructions", Text: &d.Instructions}}
	},
}.Declare()

// prescriptions is what every use case that shows prescriptions shows of whom.
var prescriptions = usecase.Entity[Prescription]{
	Table:   "prescription",
	Patient: func(p *Prescription) hmstype.PatientID { return p.Patient },
	ID:      func(p *Prescription) string { return p.ID.String() },
	Texts: func(p *Prescription) []fieldcrypt.Record {
		return []fieldcrypt.Record{prescriptionTexts.Of(p.Patient.UUID(), p.ID, &p.PrescriptionDetails)}
	},
}
