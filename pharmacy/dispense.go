package pharmacy

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// SafetyCheck is the outcome of the allergy check. "Not checked" is not "none found".
type SafetyCheck string

// The outcomes.
const (
	SafetyNoneFound  SafetyCheck = "none-found"
	SafetyOverridden SafetyCheck = "overridden" // an allergy was found, and a reason given
	SafetyNotChecked SafetyCheck = "not-checked"
)

// DispenseStatus is FHIR R4 medicationdispense-status.
type DispenseStatus string

// The states of a dispense.
const (
	DispenseInProgress     DispenseStatus = "in-progress"
	DispenseCompleted      DispenseStatus = "completed"
	DispenseEnteredInError DispenseStatus = "entered-in-error"
)

// DispenseTransitions are the allowed steps between the states.
var DispenseTransitions = hmstype.Transitions[DispenseStatus]{
	DispenseInProgress: {DispenseCompleted},
	DispenseCompleted:  {DispenseEnteredInError},
}

// Dispense is a hand-over of medication (FHIR MedicationDispense).
type Dispense struct {
	ID             hmstype.DispenseID
	Patient        hmstype.PatientID
	Prescription   hmstype.PrescriptionID // zero where sold without one
	Item           hmstype.MedicationItemID
	Location       hmstype.LocationID
	Status         DispenseStatus
	Requested      hmstype.Quantity
	Quantity       hmstype.Quantity // handed over; less than requested only where a part was allowed
	Lines          []DispenseLine   // by batch, in the order in which they were taken
	SafetyCheck    SafetyCheck
	OverrideReason string
	Charge         hmstype.ChargeID // zero where nothing was charged
	DispensedBy    string           // an actor, as in the audit trail
	DispensedAt    time.Time        // UTC
}

// DispenseLine is what came of one batch.
type DispenseLine struct {
	Batch      hmstype.BatchID
	ExpiryDate hmstype.Date
	Quantity   hmstype.Quantity
	Returned   hmstype.Quantity
}

type dispenseRow struct {
	bun.BaseModel `bun:"table:hms.medication_dispense,alias:md"`
	dbx.Tenanted
	ID                hmstype.DispenseID `bun:"id,pk"`
	PatientID         hmstype.PatientID
	PrescriptionID    hmstype.PrescriptionID
	ItemID            hmstype.MedicationItemID
	LocationID        hmstype.LocationID
	Status            DispenseStatus
	QuantityRequested hmstype.Quantity
	QuantityDispensed hmstype.Quantity
	SafetyCheck       SafetyCheck
	OverrideReason    string
	DispensedBy       string
	DispensedAt       time.Time
	Version           int64
}

func (r dispenseRow) dispense(lines []DispenseLine) Dispense {
	return Dispense{
		ID: r.ID, Patient: r.PatientID, Prescription: r.PrescriptionID, Item: r.ItemID, Location: r.LocationID, Status: r.Status,
		Requested: r.QuantityRequested, Quantity: r.QuantityDispensed, Lines: lines, SafetyCheck: r.SafetyCheck,
		OverrideReason: r.OverrideReason, DispensedBy: r.DispensedBy, DispensedAt: r.DispensedAt.UTC(),
	}
}

// DispenseInput says what is to be handed out.
type DispenseInput struct {
	Prescription     hmstype.PrescriptionID   // either a prescription,
	Patient          hmstype.PatientID        // or a patient and an item
	Item             hmstype.MedicationItemID //
	Location         hmstype.LocationID       // required
	Quantity         hmstype.Quantity         // base units; required
	AllowPartial     bool                     // hand out what there is, at least one unit
	MinRemainingDays int                      // batches must be usable for this many days from today, 0 to 3650
	OverrideReason   string                   // why to dispense against a recorded allergy; empty refuses that
	IdempotencyKey   string
}

// Validate implements the rules above.
func (in DispenseInput) Validate() error {
	var v hmstype.Validator
	if in.Prescription.IsZero() {
		v.Required(!in.Patient.IsZero(), "patient")
		v.Required(!in.Item.IsZero(), "item")
	} else {
		v.Check(in.Patient.IsZero(), "patient", "must not be given with a prescription")
		v.Check(in.Item.IsZero(), "item", "must not be given with a prescription")
	}
	v.Required(!in.Location.IsZero(), "location")
	in.Quantity.CheckPositive(&v, "quantity")
	v.Check(in.MinRemainingDays >= 0 && in.MinRemainingDays <= 3650, "minRemainingDays", "must lie between 0 and 3650")
	v.Text(in.OverrideReason, "overrideReason", 0, 500)
	return v.Err()
}

// Dispense hands out medication, first expired first out, over as many batches as it
// takes, and charges for it. Expired, quarantined, held and recalled batches are never
// touched. [ErrInsufficientStock] tells how much there is; [ErrPrescription] where the
// prescription is not active, has run out or leaves less; [ErrAllergy] without a reason;
// [hmstype.ErrSeparationOfDuties] for who wrote the prescription.
func (s *Service) Dispense(ctx context.Context, in DispenseInput) (Dispense, error) {
	op := usecase.Op{Name: "pharmacy.dispense", Permission: hmstype.PermDispense, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, s.dispense)
}

func (s *Service) dispense(ctx context.Context, db dbx.DB, in DispenseInput) (Dispense, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Dispense{}, err
	}
	encounter, err := s.lockPrescription(ctx, db, &in, today)
	if err != nil {
		return Dispense{}, err
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
		return Dispense{}, err
	}
	item, err := dbx.Get[itemRow](ctx, db, "medication item", in.Item)
	if err != nil {
		return Dispense{}, err
	}
	if !item.IsActive {
		return Dispense{}, ErrItemInactive
	}
	safety, err := s.checkSafety(ctx, db, in, item.item())
	if err != nil {
		return Dispense{}, err
	}
	row := dispenseRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.DispenseID](), PatientID: in.Patient,
		PrescriptionID: in.Prescription, ItemID: in.Item, LocationID: in.Location, Status: DispenseInProgress,
		QuantityRequested: in.Quantity, SafetyCheck: safety, OverrideReason: in.OverrideReason,
		DispensedBy: db.ActorName(), DispensedAt: db.Now, Version: 1,
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Dispense{}, err
	}
	if err := allocate(ctx, db, &row, today.AddDays(in.MinRemainingDays), in.AllowPartial); err != nil {
		return Dispense{}, err
	}
	return s.completeDispense(ctx, db, row, item.item(), encounter)
}

// lockPrescription fills in patient and item from the prescription, and holds it against
// what is asked for.
func (s *Service) lockPrescription(ctx context.Context, db dbx.DB, in *DispenseInput, today hmstype.Date) (hmstype.EncounterID, error) {
	if in.Prescription.IsZero() {
		return hmstype.EncounterID{}, nil
	}
	if s.ports.Prescriptions == nil {
		return hmstype.EncounterID{}, ErrPrescription
	}
	rx, err := s.ports.Prescriptions.LockPrescription(ctx, db.Conn(), in.Prescription)
	if err != nil {
		return hmstype.EncounterID{}, err
	}
	if !rx.Active || rx.ValidUntil.Before(today) || in.Quantity > rx.Remaining {
		return hmstype.EncounterID{}, ErrPrescription
	}
	if err := s.base.RequireAnotherPerson(db, hmstype.PermPrescribe, hmstype.PermDispense, rx.PrescribedBy); err != nil {
		return hmstype.EncounterID{}, err
	}
	in.Patient, in.Item = rx.Patient, rx.Item
	return rx.Encounter, nil
}

func (s *Service) checkSafety(ctx context.Context, db dbx.DB, in DispenseInput, item Item) (SafetyCheck, error) {
	if s.ports.Allergies == nil {
		return SafetyNotChecked, nil
	}
	matches, err := s.ports.Allergies.AllergyMatches(ctx, db.Conn(), in.Patient, item.codes(), []string{item.Name, item.GenericName})
	switch {
	case err != nil:
		return "", err
	case len(matches) == 0:
		return SafetyNoneFound, nil
	case in.OverrideReason == "":
		return "", ErrAllergy
	default:
		return SafetyOverridden, nil
	}
}

// allocate takes the units in one call of the database's function, where the rule lives.
func allocate(ctx context.Context, db dbx.DB, row *dispenseRow, usableUntil hmstype.Date, partial bool) error {
	var taken int64
	err := db.QueryRow(ctx, `SELECT hms.pharmacy_allocate($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		db.Tenant(), row.ID, row.LocationID, row.ItemID, int64(row.QuantityRequested), usableUntil, partial, row.DispensedBy, row.DispensedAt).
		Scan(&taken)
	row.QuantityDispensed, row.Status = hmstype.Quantity(taken), DispenseCompleted
	return err
}

func (s *Service) completeDispense(ctx context.Context, db dbx.DB, row dispenseRow, item Item, encounter hmstype.EncounterID) (Dispense, error) {
	lines, err := dispenseLines(ctx, db, row.ID)
	if err != nil {
		return Dispense{}, err
	}
	d := row.dispense(lines)
	if !row.PrescriptionID.IsZero() {
		if err := s.ports.Prescriptions.RecordDispensed(ctx, db.Conn(), row.PrescriptionID, d.Quantity); err != nil {
			return Dispense{}, err
		}
	}
	if item.ServiceCode != "" {
		d.Charge, err = s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
			Source: chargeSource(row.ID), Patient: row.PatientID, Encounter: encounter, Service: item.ServiceCode,
			Text: item.Name, Quantity: decimal.NewFromInt(int64(d.Quantity)), At: row.DispensedAt,
		})
		if err != nil {
			return Dispense{}, err
		}
	}
	return d, db.Emit(ctx, dbx.Event{Type: "pharmacy.dispensed", Entity: "dispense", ID: row.ID,
		Data: map[string]any{"item": item.ID.String(), "quantity": d.Quantity}})
}

func chargeSource(id hmstype.DispenseID) charge.Source {
	return charge.Source{Kind: "dispense", ID: id.String()}
}

func dispenseLines(ctx context.Context, db dbx.DB, id hmstype.DispenseID) ([]DispenseLine, error) {
	var rows []struct {
		BatchID          hmstype.BatchID
		ExpiryDate       hmstype.Date
		Quantity         hmstype.Quantity
		ReturnedQuantity hmstype.Quantity
	}
	err := db.NewSelect().TableExpr("hms.medication_dispense_line AS l").
		Join("JOIN hms.stock_batch AS b ON b.tenant_id = l.tenant_id AND b.id = l.batch_id").
		ColumnExpr("l.batch_id, b.expiry_date, l.quantity, l.returned_quantity").
		Where("l.tenant_id = ?", db.Tenant()).Where("b.tenant_id = ?", db.Tenant()).Where("l.dispense_id = ?", id).
		OrderExpr("b.expiry_date NULLS LAST, b.received_at, b.id").Scan(ctx, &rows)
	lines := make([]DispenseLine, len(rows))
	for i, r := range rows {
		lines[i] = DispenseLine{Batch: r.BatchID, ExpiryDate: r.ExpiryDate, Quantity: r.Quantity, Returned: r.ReturnedQuantity}
	}
	return lines, err
}

// GetDispense gives a dispense, and records that it was read.
func (s *Service) GetDispense(ctx context.Context, id hmstype.DispenseID) (Dispense, error) {
	op := usecase.Op{Name: "pharmacy.dispense_get", Permission: hmstype.PermPharmacyRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.DispenseID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.DispenseID]) (Dispense, error) {
			row, err := dbx.Get[dispenseRow](ctx, db, "dispense", in.ID)
			if err != nil {
				return Dispense{}, err
			}
			lines, err := dispenseLines(ctx, db, in.ID)
			if err != nil {
				return Dispense{}, err
			}
			return row.dispense(lines), db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "medication_dispense", ID: row.ID.String(), Patient: row.PatientID})
		})
}
