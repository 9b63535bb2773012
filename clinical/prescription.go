package clinical

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
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
	PrescriptionOnHold:    {PrescriptionActive, PrescriptionStopped, PrescriptionEnteredInError},
	PrescriptionCompleted: {PrescriptionActive, PrescriptionEnteredInError},
}

// Prescription is one prescribed medication (FHIR MedicationRequest).
type Prescription struct {
	ID             hmstype.PrescriptionID
	Patient        hmstype.PatientID
	Encounter      hmstype.EncounterID
	Medication     hmstype.MedicationItemID
	MedicationName string
	Dosage         string // such as "500 mg"
	Frequency      string // such as "three times a day"
	Duration       string // such as "7 days"
	Instructions   string
	Status         PrescriptionStatus
	Quantity       hmstype.Quantity // of one fill, in base units of the item
	RefillsAllowed int              // fills beyond the first
	Dispensed      hmstype.Quantity // handed out and not come back, over all fills
	ValidUntil     hmstype.Date     // the last day on which it may be dispensed
	OverrideReason string           // why it was prescribed against a recorded allergy
	StopReason     string
	PrescribedBy   string    // an actor, as in the audit trail
	PrescribedAt   time.Time // UTC
	Version        int64
}

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
	MedicationName    string
	Dosage            string
	Frequency         string
	Duration          string
	Instructions      string
	Status            PrescriptionStatus
	Quantity          hmstype.Quantity
	RefillsAllowed    int
	DispensedQuantity hmstype.Quantity
	ValidUntil        hmstype.Date
	OverrideReason    string
	StopReason        string
	PrescribedBy      string
	PrescribedAt      time.Time
	Version           int64
}

func (r prescriptionRow) prescription() Prescription {
	return Prescription{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID, Medication: r.MedicationItemID, MedicationName: r.MedicationName,
		Dosage: r.Dosage, Frequency: r.Frequency, Duration: r.Duration, Instructions: r.Instructions, Status: r.Status,
		Quantity: r.Quantity, RefillsAllowed: r.RefillsAllowed, Dispensed: r.DispensedQuantity, ValidUntil: r.ValidUntil,
		OverrideReason: r.OverrideReason, StopReason: r.StopReason,
		PrescribedBy: r.PrescribedBy, PrescribedAt: r.PrescribedAt.UTC(), Version: r.Version,
	}
}

// PrescribeInput describes a prescription.
type PrescribeInput struct {
	Encounter      hmstype.EncounterID      // required, open
	Medication     hmstype.MedicationItemID // required, an item of the formulary
	MedicationName string                   // required, up to 200 characters; compared with the patient's allergies
	GenericName    string                   // compared as well; up to 200 characters
	Codes          []hmstype.Code           // compared as well; at most 20
	Dosage         string                   // required, up to 100 characters
	Frequency      string                   // required, up to 100 characters
	Duration       string                   // required, up to 100 characters
	Instructions   string                   // up to 2000 characters
	Quantity       hmstype.Quantity         // of one fill, in base units; required
	RefillsAllowed int                      // 0 to 99
	ValidUntil     hmstype.Date             // the last day; zero means a year from today
	OverrideReason string                   // why to prescribe against a recorded allergy; empty refuses that
	IdempotencyKey string
}

// Validate implements the rules above.
func (in PrescribeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	v.Required(!in.Medication.IsZero(), "medication")
	v.Text(in.MedicationName, "medicationName", 1, 200)
	v.Text(in.GenericName, "genericName", 0, 200)
	v.Check(len(in.Codes) <= 20, "codes", "must be at most 20")
	v.Text(in.Dosage, "dosage", 1, 100)
	v.Text(in.Frequency, "frequency", 1, 100)
	v.Text(in.Duration, "duration", 1, 100)
	v.Text(in.Instructions, "instructions", 0, 2000)
	in.Quantity.CheckPositive(&v, "quantity")
	v.Check(in.RefillsAllowed >= 0 && in.RefillsAllowed <= 99, "refillsAllowed", "must lie between 0 and 99")
	v.Text(in.OverrideReason, "overrideReason", 0, 500)
	return v.Err()
}

// Prescribe adds an active prescription. [ErrAllergy] (an *AllergyConflictError) where the
// patient is recorded as allergic to it and no OverrideReason is given.
func (s *Service) Prescribe(ctx context.Context, in PrescribeInput) (Prescription, error) {
	op := service.Op{Name: "prescription.write", Permission: hmstype.PermPrescribe, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, s.prescribe)
}

func (s *Service) prescribe(ctx context.Context, db dbx.DB, in PrescribeInput) (Prescription, error) {
	encounter, err := requireOpen(ctx, db, in.Encounter)
	if err != nil {
		return Prescription{}, err
	}
	matches, err := s.AllergyMatches(ctx, db.Conn(), encounter.PatientID, in.Codes, []string{in.MedicationName, in.GenericName})
	if err != nil {
		return Prescription{}, err
	}
	if len(matches) > 0 && in.OverrideReason == "" {
		return Prescription{}, &AllergyConflictError{Allergies: matches}
	}
	today, err := db.Today(ctx)
	if err != nil {
		return Prescription{}, err
	}
	row := prescriptionRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.PrescriptionID](), PatientID: encounter.PatientID,
		EncounterID: encounter.ID, MedicationItemID: in.Medication, MedicationName: in.MedicationName, Dosage: in.Dosage,
		Frequency: in.Frequency, Duration: in.Duration, Instructions: in.Instructions, Status: PrescriptionActive,
		Quantity: in.Quantity, RefillsAllowed: in.RefillsAllowed, ValidUntil: in.ValidUntil, OverrideReason: in.OverrideReason,
		PrescribedBy: db.ActorName(), PrescribedAt: db.Now, Version: 1,
	}
	if row.ValidUntil.IsZero() {
		row.ValidUntil = today.AddDays(365)
	}
	if row.ValidUntil.Before(today) {
		return Prescription{}, hmstype.Invalid("validUntil", "must not lie in the past")
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Prescription{}, err
	}
	return row.prescription(), db.Emit(ctx, dbx.Event{Type: "prescription.written", Entity: "prescription", ID: row.ID,
		Data: map[string]string{"id": row.ID.String()}})
}

// GetPrescription gives a prescription, and records that it was read.
func (s *Service) GetPrescription(ctx context.Context, id hmstype.PrescriptionID) (Prescription, error) {
	op := service.Op{Name: "prescription.get", Permission: hmstype.PermPrescriptionRead}
	return service.Read(ctx, &s.base, op, service.ByID[hmstype.PrescriptionID]{ID: id},
		func(ctx context.Context, db dbx.DB, in service.ByID[hmstype.PrescriptionID]) (Prescription, error) {
			row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.ID)
			if err != nil {
				return Prescription{}, err
			}
			return row.prescription(), db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "prescription", ID: row.ID.String(), Patient: row.PatientID})
		})
}

// StopInput ends a prescription.
type StopInput struct {
	ID     hmstype.PrescriptionID // required
	Reason string                 // required, up to 500 characters
}

// Validate implements the rules above.
func (in StopInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

// StopPrescription ends a prescription: it is cancelled where nothing was dispensed yet,
// and stopped otherwise.
func (s *Service) StopPrescription(ctx context.Context, in StopInput) (Prescription, error) {
	op := service.Op{Name: "prescription.stop", Permission: hmstype.PermPrescribe}
	return service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in StopInput) (Prescription, error) {
		row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.ID, dbx.ForUpdate)
		if err != nil {
			return Prescription{}, err
		}
		to := PrescriptionStopped
		if row.DispensedQuantity == 0 && row.Status == PrescriptionActive {
			to = PrescriptionCancelled
		}
		if err := PrescriptionTransitions.Check("prescription", row.Status, to); err != nil {
			return Prescription{}, err
		}
		row.Status, row.StopReason = to, in.Reason
		err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "stop_reason")
		row.Version++
		return row.prescription(), err
	})
}

// LockPrescription gives a prescription and locks it until the caller's transaction ends,
// so that what was dispensed cannot change meanwhile.
func (s *Service) LockPrescription(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID) (Prescription, error) {
	db, err := s.base.DB.Join(ctx, conn)
	if err != nil {
		return Prescription{}, err
	}
	row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", id, dbx.ForUpdate)
	return row.prescription(), err
}

// RecordDispensed adds to what was handed out; a negative quantity came back. The
// prescription is completed when nothing is left, and active again when something is.
// [ErrOverDispensed] beyond what is prescribed. It runs in the caller's transaction.
func (s *Service) RecordDispensed(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, quantity hmstype.Quantity) error {
	db, err := s.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", id, dbx.ForUpdate)
	if err != nil {
		return err
	}
	row.DispensedQuantity += quantity
	limit := row.prescription().Limit()
	if row.DispensedQuantity < 0 || row.DispensedQuantity > limit {
		return ErrOverDispensed
	}
	switch {
	case row.Status == PrescriptionActive && row.DispensedQuantity == limit:
		row.Status = PrescriptionCompleted
	case row.Status == PrescriptionCompleted && row.DispensedQuantity < limit:
		row.Status = PrescriptionActive
	}
	return dbx.Map(dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "dispensed_quantity"))
}
