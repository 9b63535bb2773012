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
	ID             hmstype.DispenseID       `json:"id"`
	Patient        hmstype.PatientID        `json:"patient"`
	Prescription   hmstype.PrescriptionID   `json:"prescription,omitzero"` // zero where sold without one
	Item           hmstype.MedicationItemID `json:"item"`
	Location       hmstype.LocationID       `json:"location"`
	Status         DispenseStatus           `json:"status"`
	Requested      hmstype.Quantity         `json:"requested"` // base units
	Quantity       hmstype.Quantity         `json:"quantity"`  // handed over; less only where a part was allowed
	Lines          []DispenseLine           `json:"lines"`     // by batch, in the order in which they were taken
	Verdict        hmstype.Verdict          `json:"verdict"`   // of the safety checks at the hand-over
	OverrideReason string                   `json:"overrideReason,omitempty"`
	// what Dispense posted; zero where nothing was charged, in a read, and for a repeated call
	Charge      hmstype.ChargeID `json:"charge,omitzero"`
	DispensedBy hmstype.ActorRef `json:"dispensedBy"`
	DispensedAt time.Time        `json:"dispensedAt,omitzero"` // UTC
	Version     int64            `json:"version"`              // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states, instants, and what is to be taken from which batch.
	Withheld bool `json:"withheld,omitempty"`
}

// DispenseLine is what came of one batch.
type DispenseLine struct {
	Batch      hmstype.BatchID  `json:"batch"`
	ExpiryDate hmstype.Date     `json:"expiryDate,omitzero"` // zero means it does not expire
	Quantity   hmstype.Quantity `json:"quantity"`            // base units
	Returned   hmstype.Quantity `json:"returned"`            // of these, what came back
}

type dispenseRow struct {
	bun.BaseModel `bun:"table:hms.medication_dispense,alias:md"`
	dbx.Header[hmstype.DispenseID]
	PatientID         hmstype.PatientID
	PrescriptionID    hmstype.PrescriptionID
	ItemID            hmstype.MedicationItemID
	LocationID        hmstype.LocationID
	Status            DispenseStatus
	QuantityRequested hmstype.Quantity
	QuantityDispensed hmstype.Quantity
	Verdict           hmstype.Verdict `bun:"verdict,type:jsonb"`
	OverrideReason    string

	takenBack hmstype.Quantity // by the step under way, for its event
}

func (r dispenseRow) dispense(lines []DispenseLine) Dispense {
	return Dispense{
		ID: r.ID, Patient: r.PatientID, Prescription: r.PrescriptionID, Item: r.ItemID, Location: r.LocationID,
		Status:    r.Status,
		Requested: r.QuantityRequested, Quantity: r.QuantityDispensed, Lines: lines, Verdict: r.Verdict,
		OverrideReason: r.OverrideReason, DispensedBy: r.CreatedBy, DispensedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// dispenses is what every use case that shows dispenses shows of whom. Whoever hands out to a
// restricted patient must know what to take from which batch; why against which advice he need not.
var dispenses = usecase.Entity[Dispense]{
	Table:   "medication_dispense",
	Patient: func(d *Dispense) hmstype.PatientID { return d.Patient },
	ID:      func(d *Dispense) string { return d.ID.String() },
	Keep: func(withheld, whole *Dispense) {
		withheld.Requested, withheld.Quantity, withheld.Lines = whole.Requested, whole.Quantity, whole.Lines
	},
}

// dispenseSteps are those after the hand-over, which is hms.pharmacy_allocate's.
var dispenseSteps = dbx.Machine[dispenseRow, DispenseStatus]{
	Table: "medication_dispense", Transitions: DispenseTransitions,
	State: func(r *dispenseRow) *DispenseStatus { return &r.Status },
	Event: func(r *dispenseRow, _ DispenseStatus) dbx.Event {
		return dbx.Event{
			Type: eventReversed, ID: r.ID, Data: map[string]any{"quantity": r.takenBack},
		}
	},
}

// DispenseInput says what is to be handed out.
type DispenseInput struct {
	Prescription hmstype.PrescriptionID `json:"prescription"` // either a prescription,
	Patient      hmstype.PatientID      `json:"patient"`      // or a patient and an item
	// of a prescription by name the item that is handed out on it; otherwise zero or the prescribed one
	Item         hmstype.MedicationItemID `json:"item"`
	Location     hmstype.LocationID       `json:"location"`     // required
	Quantity     hmstype.Quantity         `json:"quantity"`     // base units; required
	AllowPartial bool                     `json:"allowPartial"` // hand out what there is, at least one unit
	// batches must be usable for this many days from today, 0 to 3650
	MinRemainingDays int `json:"minRemainingDays"`
	// Overrides give the reason for each finding that stands in the way; without, it is refused. At most 50.
	Overrides      []hmstype.Override `json:"overrides"`
	OverrideReason string             `json:"overrideReason"` // says more of it; kept where something was overridden
	IdempotencyKey string             `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in DispenseInput) Validate() error {
	var v hmstype.Validator
	if in.Prescription.IsZero() {
		v.Required(!in.Patient.IsZero(), "patient")
		v.Required(!in.Item.IsZero(), "item")
	} else {
		v.Check(in.Patient.IsZero(), "patient", "must not be given with a prescription")
	}
	v.Required(!in.Location.IsZero(), "location")
	in.Quantity.CheckPositive(&v, "quantity")
	v.Check(in.MinRemainingDays >= 0 && in.MinRemainingDays <= 3650, "minRemainingDays", "must lie between 0 and 3650")
	v.Text(in.OverrideReason, "overrideReason", 0, 500)
	hmstype.CheckOverrides(&v, "overrides", in.Overrides)
	return v.Err()
}

var opDispense = usecase.Command[DispenseInput, Dispense]{
	Name: "pharmacy.dispense", Permission: hmstype.PermDispense, Shows: dispenses.One(),
	Key:    func(in DispenseInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(d Dispense) hmstype.DispenseID { return d.ID }, getDispense),
	Sample: DispenseInput{Quantity: 10, AllowPartial: true, MinRemainingDays: 7, OverrideReason: "tolerated before"},
}.Declare()

// Dispense hands out medication, first expired first out, over as many batches as it takes, and charges for it.
// Expired, quarantined, held and recalled batches are never touched. [ErrInsufficientStock] tells how much there is;
// [ErrPrescription] (a *PrescriptionError says why and what is left) where the prescription is not active, has run out
// or leaves less, or where the item is not what was prescribed; [hmstype.ErrFindings] (a *hmstype.FindingsError) where
// something speaks against it that no override is given for; [patient.ErrDeceased], [patient.ErrMerged],
// [patient.ErrInactive]; [hmstype.ErrSeparationOfDuties] for who wrote the prescription.
// Permission: [hmstype.PermDispense].
func (s *Service) Dispense(ctx context.Context, in DispenseInput) (Dispense, error) {
	var judge Judge
	prepare := func(ctx context.Context) (err error) {
		if s.ports.Safety != nil {
			judge, err = s.ports.Safety.Prepare(ctx, in.Patient, in.Item, in.Prescription)
		}
		return err
	}
	return opDispense.RunAfter(ctx, &s.base, in, prepare,
		func(ctx context.Context, db dbx.DB, in DispenseInput) (Dispense, error) {
			return s.dispense(ctx, db, in, judge)
		})
}

func (s *Service) dispense(ctx context.Context, db dbx.DB, in DispenseInput, judge Judge) (Dispense, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return Dispense{}, err
	}
	var item itemRow
	if !in.Item.IsZero() { // before the prescription, of which a refusal tells
		if item, err = dbx.Get[itemRow](ctx, db, "medication_item", in.Item); err != nil {
			return Dispense{}, err
		}
	}
	rx, err := s.lockPrescription(ctx, db, &in)
	if err != nil {
		return Dispense{}, err
	}
	// Of a prescription he is locked already.
	if _, err := s.ports.Patients.LockForCare(ctx, db.Conn(), in.Patient); err != nil {
		return Dispense{}, err
	}
	if item.ID.IsZero() {
		if item, err = dbx.Get[itemRow](ctx, db, "medication_item", in.Item); err != nil {
			return Dispense{}, err
		}
	}
	if !item.IsActive {
		return Dispense{}, ErrItemInactive
	}
	if !in.Prescription.IsZero() {
		if err := rx.allows(item.item()); err != nil {
			return Dispense{}, err
		}
	}
	verdict, err := judge.judge(ctx, db, in, item.item())
	if err != nil {
		return Dispense{}, err
	}
	if !verdict.Overridden() {
		in.OverrideReason = ""
	}
	row := dispenseRow{
		Header: dbx.NewHeader[hmstype.DispenseID](db), PatientID: in.Patient, PrescriptionID: in.Prescription,
		ItemID: in.Item, LocationID: in.Location, Status: DispenseInProgress,
		QuantityRequested: in.Quantity, Verdict: verdict, OverrideReason: in.OverrideReason,
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Dispense{}, err
	}
	if err := allocate(ctx, db, &row, today.AddDays(in.MinRemainingDays), in.AllowPartial); err != nil {
		return Dispense{}, err
	}
	return s.completeDispense(ctx, db, row, item.item(), rx)
}

// lockPrescription fills in patient and item from the prescription, whose source has judged that it
// allows what is asked for. It gives a zero one where none is named.
func (s *Service) lockPrescription(ctx context.Context, db dbx.DB, in *DispenseInput) (LockedPrescription, error) {
	if in.Prescription.IsZero() {
		return LockedPrescription{}, nil
	}
	if s.ports.Prescriptions == nil {
		return LockedPrescription{}, &PrescriptionError{Reason: PrescriptionUnknown}
	}
	rx, err := s.ports.Prescriptions.LockToDispense(ctx, db.Conn(), in.Prescription, in.Quantity)
	if err != nil {
		return LockedPrescription{}, err
	}
	in.Patient = rx.Patient
	switch {
	case in.Item.IsZero() && rx.Medicine.Item.IsZero():
		return LockedPrescription{}, &PrescriptionError{Reason: PrescriptionNeedsItem}
	case in.Item.IsZero():
		in.Item = rx.Medicine.Item
	}
	return rx, s.base.RequireAnotherPerson(db, hmstype.PermPrescribe, hmstype.PermDispense, rx.PrescribedBy)
}

// allocate takes the units, first expired first out and none that has expired, in one call of the
// database's function, where the rule lives, and which completes the dispense.
// In SQL: migrate/routine/pharmacy/pharmacy_allocate.sql.
func allocate(ctx context.Context, db dbx.DB, row *dispenseRow, usableUntil hmstype.Date, partial bool) error {
	var taken int64
	err := db.QueryRow(ctx, `SELECT hms.pharmacy_allocate($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		db.Tenant(), row.ID, row.LocationID, row.ItemID, int64(row.QuantityRequested), usableUntil, partial,
		row.CreatedBy, row.CreatedAt).Scan(&taken)
	row.QuantityDispensed, row.Status = hmstype.Quantity(taken), DispenseCompleted
	row.Version++
	return err
}

func (s *Service) completeDispense(
	ctx context.Context, db dbx.DB, row dispenseRow, item Item, rx LockedPrescription,
) (Dispense, error) {
	lines, err := dispenseLines(ctx, db, row.ID)
	if err != nil {
		return Dispense{}, err
	}
	d := row.dispense(lines)
	if rx.Record != nil {
		if err := rx.Record(ctx, db.Conn(), d.Quantity); err != nil {
			return Dispense{}, err
		}
	}
	if item.ServiceCode != "" {
		d.Charge, err = s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
			Source: chargeSource(row.ID), Patient: row.PatientID, Encounter: rx.Encounter, Service: item.ServiceCode,
			Text: item.Name, Quantity: decimal.NewFromInt(int64(d.Quantity)), At: row.CreatedAt,
		})
		if err != nil {
			return Dispense{}, err
		}
	}
	return d, db.Emit(ctx, dbx.Event{
		Type: eventDispensed, ID: row.ID,
		Data: map[string]any{"item": item.ID.String(), "quantity": d.Quantity},
	})
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
		OrderExpr("b.expiry_date NULLS LAST, b.created_at, b.id").Scan(ctx, &rows)
	lines := make([]DispenseLine, len(rows))
	for i, r := range rows {
		lines[i] = DispenseLine{
			Batch: r.BatchID, ExpiryDate: r.ExpiryDate, Quantity: r.Quantity, Returned: r.ReturnedQuantity,
		}
	}
	return lines, err
}

var opGetDispense = usecase.Query[usecase.ByID[hmstype.DispenseID], Dispense]{
	Name: "pharmacy.get_dispense", Permission: hmstype.PermPharmacyRead, Shows: dispenses.One(),
}.Declare()

// GetDispense gives a dispense, and records that it was read.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) GetDispense(ctx context.Context, id hmstype.DispenseID) (Dispense, error) {
	return opGetDispense.Run(ctx, &s.base, usecase.ID(id), getDispense)
}

func getDispense(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.DispenseID]) (Dispense, error) {
	row, err := dbx.Get[dispenseRow](ctx, db, "medication_dispense", in.ID)
	if err != nil {
		return Dispense{}, err
	}
	lines, err := dispenseLines(ctx, db, in.ID)
	return row.dispense(lines), err
}
