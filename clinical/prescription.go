package clinical

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
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
	PrescriptionDraft:     {PrescriptionActive, PrescriptionCancelled, PrescriptionEnteredInError},
	PrescriptionActive:    {PrescriptionOnHold, PrescriptionCompleted, PrescriptionStopped, PrescriptionCancelled, PrescriptionEnteredInError},
	PrescriptionOnHold:    {PrescriptionActive, PrescriptionStopped, PrescriptionCancelled, PrescriptionEnteredInError},
	PrescriptionCompleted: {PrescriptionActive, PrescriptionEnteredInError},
	PrescriptionStopped:   {PrescriptionEnteredInError},
	PrescriptionCancelled: {PrescriptionEnteredInError},
}

// Prescription is one prescribed medication (FHIR MedicationRequest).
type Prescription struct {
	ID             hmstype.PrescriptionID
	Patient        hmstype.PatientID
	Encounter      hmstype.EncounterID
	Medication     hmstype.MedicationItemID // an item of the formulary; zero where it has none
	Code           hmstype.Code             // of the medication, without display; zero where it was not coded
	MedicationName string
	Dosage         string // such as "500 mg"
	Frequency      string // such as "three times a day"
	Duration       string // such as "7 days"
	Instructions   string
	Status         PrescriptionStatus
	Quantity       hmstype.Quantity // of one fill, in base units of the item
	RefillsAllowed int              // fills beyond the first
	DaysSupply     int              // how many days one fill lasts; zero means not told
	Dispensed      hmstype.Quantity // handed out and not come back, over all fills
	ValidUntil     hmstype.Date     // the last day on which it may be dispensed
	OverrideReason string           // why it was prescribed against a recorded allergy; empty where none spoke against it
	StopReason     string           // why it was held, stopped, cancelled or entered in error
	PrescribedBy   string           // an actor, as in the audit trail
	PrescribedAt   time.Time        // UTC
	Version        int64
}

// Remaining gives what may still be dispensed.
func (p Prescription) Remaining() hmstype.Quantity { return p.Limit() - p.Dispensed }

// Limit gives what may be dispensed over all fills.
func (p Prescription) Limit() hmstype.Quantity {
	return p.Quantity * hmstype.Quantity(1+p.RefillsAllowed)
}

type prescriptionRow struct {
	bun.BaseModel `bun:"table:hms.prescription,alias:rx"`
	dbx.Tenanted
	ID                hmstype.PrescriptionID `bun:"id,pk"`
	PatientID         hmstype.PatientID
	EncounterID       hmstype.EncounterID
	MedicationItemID  hmstype.MedicationItemID
	MedicationSystem  string
	MedicationCode    string
	MedicationName    string
	Dosage            string
	Frequency         string
	Duration          string
	Instructions      string
	Status            PrescriptionStatus
	Quantity          hmstype.Quantity
	RefillsAllowed    int
	DispensedQuantity hmstype.Quantity
	DaysSupply        int `bun:",nullzero"`
	ValidUntil        hmstype.Date
	OverrideReason    string
	StopReason        string
	PrescribedBy      string
	PrescribedAt      time.Time
	Version           int64
}

// Position orders prescriptions by when they were written.
func (r prescriptionRow) Position() hmstype.Position {
	return hmstype.Position{At: r.PrescribedAt, ID: r.ID.UUID()}
}

func (r prescriptionRow) prescription() Prescription {
	return Prescription{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID, Medication: r.MedicationItemID, MedicationName: r.MedicationName,
		Code: hmstype.Code{System: r.MedicationSystem, Value: r.MedicationCode}, DaysSupply: r.DaysSupply,
		Dosage: r.Dosage, Frequency: r.Frequency, Duration: r.Duration, Instructions: r.Instructions, Status: r.Status,
		Quantity: r.Quantity, RefillsAllowed: r.RefillsAllowed, Dispensed: r.DispensedQuantity, ValidUntil: r.ValidUntil,
		OverrideReason: r.OverrideReason, StopReason: r.StopReason,
		PrescribedBy: r.PrescribedBy, PrescribedAt: r.PrescribedAt.UTC(), Version: r.Version,
	}
}
