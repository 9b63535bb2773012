package billing

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

// ChargeStatus is FHIR R4 ChargeItem.status.
type ChargeStatus string

// The states of a charge.
const (
	ChargePlanned        ChargeStatus = "planned"          // the deed is to come
	ChargeBillable       ChargeStatus = "billable"         // waits for a bill, or is on a draft
	ChargeNotBillable    ChargeStatus = "not-billable"     // somebody decided not to bill it
	ChargeAborted        ChargeStatus = "aborted"          // the deed was taken back before a bill was issued
	ChargeBilled         ChargeStatus = "billed"           // is on an issued bill
	ChargeEnteredInError ChargeStatus = "entered-in-error" // never happened
)

// ChargeTransitions are the allowed steps between the states of a charge. A billed charge
// stays billed: what is taken back of it stands on a credit note.
var ChargeTransitions = hmstype.Transitions[ChargeStatus]{
	ChargePlanned:     {ChargeBillable, ChargeNotBillable, ChargeAborted, ChargeEnteredInError},
	ChargeBillable:    {ChargeNotBillable, ChargeAborted, ChargeBilled, ChargeEnteredInError},
	ChargeNotBillable: {ChargeBillable, ChargeEnteredInError},
	ChargeAborted:     {ChargeEnteredInError},
}

// Charge is one chargeable deed with the price, tax and text that it had when it was
// captured (FHIR ChargeItem).
type Charge struct {
	ID           hmstype.ChargeID
	Patient      hmstype.PatientID
	Encounter    hmstype.EncounterID // zero where the deed belongs to none
	Source       charge.Source       // the deed; unique in the tenant
	Service      hmstype.ServiceID
	ServiceCode  string
	Category     string
	Text         string
	Quantity     decimal.Decimal // more than zero, at most four places
	UnitPrice    hmstype.Money   // without tax
	TaxPercent   decimal.Decimal // 0 to 100
	ServiceAt    time.Time       // UTC: when the deed was done
	ServiceDate  hmstype.Date    // the tenant's day of it
	Status       ChargeStatus
	StatusReason string    // why it is not billable, aborted or in error
	CapturedAt   time.Time // UTC
	Version      int64
}

type chargeRow struct {
	bun.BaseModel `bun:"table:hms.charge,alias:c"`
	dbx.Tenanted
	ID           hmstype.ChargeID `bun:"id,pk"`
	PatientID    hmstype.PatientID
	EncounterID  hmstype.EncounterID `bun:",nullzero"`
	SourceKind   string
	SourceID     string
	SourceLine   int
	ServiceID    hmstype.ServiceID
	ServiceCode  string
	Category     string
	Description  string
	Quantity     decimal.Decimal
	UnitPrice    decimal.Decimal
	Currency     hmstype.Currency
	TaxPercent   decimal.Decimal
	ServiceAt    time.Time
	ServiceDate  hmstype.Date
	Status       ChargeStatus
	StatusReason string
	CapturedAt   time.Time
	Version      int64
}

func (r chargeRow) Position() hmstype.Position {
	return hmstype.Position{At: r.ServiceAt, ID: r.ID.UUID()}
}

func (r chargeRow) charge() Charge {
	return Charge{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID,
		Source:  charge.Source{Kind: r.SourceKind, ID: r.SourceID, Line: r.SourceLine},
		Service: r.ServiceID, ServiceCode: r.ServiceCode, Category: r.Category, Text: r.Description,
		Quantity: r.Quantity, UnitPrice: money(r.UnitPrice, r.Currency), TaxPercent: r.TaxPercent,
		ServiceAt: r.ServiceAt.UTC(), ServiceDate: r.ServiceDate, Status: r.Status, StatusReason: r.StatusReason,
		CapturedAt: r.CapturedAt.UTC(), Version: r.Version,
	}
}

// ChargesQuery selects charges of a patient, or of one encounter.
type ChargesQuery struct {
	Patient   hmstype.PatientID   // required
	Encounter hmstype.EncounterID // zero means all, with and without encounter
	Statuses  []ChargeStatus      // empty means all
	Page      hmstype.Page
}

// Validate implements the rules above.
func (in ChargesQuery) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	for _, status := range in.Statuses {
		hmstype.OneOf(&v, status, "statuses", ChargeTransitions.States()...)
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Charges lists charges by the time of the deed, and records that they were read.
func (s *Service) Charges(ctx context.Context, in ChargesQuery) (hmstype.List[Charge], error) {
	op := usecase.Op{Name: "billing.charges", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in ChargesQuery) (hmstype.List[Charge], error) {
		rows, next, err := dbx.Page[chargeRow](ctx, db, in.Page, dbx.Order{At: "service_at"}, func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("c.patient_id = ?", in.Patient)
			if !in.Encounter.IsZero() {
				q = q.Where("c.encounter_id = ?", in.Encounter)
			}
			if len(in.Statuses) > 0 {
				q = q.Where("c.status IN (?)", bun.List(in.Statuses))
			}
			return q
		})
		list := hmstype.List[Charge]{Next: next, Items: make([]Charge, len(rows))}
		for i, r := range rows {
			list.Items[i] = r.charge()
		}
		if err != nil {
			return list, err
		}
		return list, db.RecordAccess(ctx, dbx.Access{Action: "search", Entity: "charge", Patient: in.Patient})
	})
}

// Charge gives one charge, and records that it was read.
func (s *Service) Charge(ctx context.Context, id hmstype.ChargeID) (Charge, error) {
	op := usecase.Op{Name: "billing.charge", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.ChargeID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ChargeID]) (Charge, error) {
			row, err := dbx.Get[chargeRow](ctx, db, "charge", in.ID)
			if err != nil {
				return Charge{}, err
			}
			access := dbx.Access{Action: "read", Entity: "charge", ID: row.ID.String(), Patient: row.PatientID}
			return row.charge(), db.RecordAccess(ctx, access)
		})
}
