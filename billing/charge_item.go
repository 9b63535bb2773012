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
	ChargePlanned        ChargeStatus = "planned"          // the act is to come
	ChargeBillable       ChargeStatus = "billable"         // waits for a bill, or is on a draft
	ChargeNotBillable    ChargeStatus = "not-billable"     // somebody decided not to bill it
	ChargeAborted        ChargeStatus = "aborted"          // the act was taken back before a bill was issued
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

// Charge is one chargeable act with the price, tax and text that it had when it was
// captured (FHIR ChargeItem).
type Charge struct {
	ID           hmstype.ChargeID    `json:"id"`
	Patient      hmstype.PatientID   `json:"patient"`
	Encounter    hmstype.EncounterID `json:"encounter"` // zero where the act belongs to none
	Source       charge.Source       `json:"source"`    // the act; unique in the tenant
	Service      hmstype.ServiceID   `json:"service"`
	ServiceCode  string              `json:"serviceCode"`
	Category     string              `json:"category"`
	Text         string              `json:"text"`
	Quantity     decimal.Decimal     `json:"quantity"`           // more than zero, at most four places
	UnitPrice    hmstype.Money       `json:"unitPrice"`          // without tax
	TaxPercent   decimal.Decimal     `json:"taxPercent"`         // 0 to 100
	ServiceAt    time.Time           `json:"serviceAt,omitzero"` // UTC: when the act was done
	ServiceDate  hmstype.Date        `json:"serviceDate"`        // the tenant's day of it
	Status       ChargeStatus        `json:"status"`
	StatusReason string              `json:"statusReason,omitempty"` // why it is not billable, aborted or in error
	CreatedAt    time.Time           `json:"createdAt,omitzero"`     // UTC: when it was captured
	CreatedBy    hmstype.ActorRef    `json:"createdBy"`              // who did the act that captured it
	Version      int64               `json:"version"`                // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type chargeRow struct {
	bun.BaseModel `bun:"table:hms.charge,alias:c"`
	dbx.Header[hmstype.ChargeID]
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
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

// chargeItems is what every use case that shows charges shows of whom.
var chargeItems = usecase.Entity[Charge]{
	Table:   "charge",
	Patient: func(c *Charge) hmstype.PatientID { return c.Patient },
	ID:      func(c *Charge) string { return c.ID.String() },
}

// chargeSteps is how a charge changes its state; the issue of a bill steps all of the bill's at once.
var chargeSteps = dbx.Machine[chargeRow, ChargeStatus]{
	Table: "charge", Transitions: ChargeTransitions,
	State:   func(r *chargeRow) *ChargeStatus { return &r.Status },
	Columns: []string{"status_reason"},
}

// ListChargesInput selects charges of a patient, or of one encounter.
type ListChargesInput struct {
	Patient   hmstype.PatientID   `json:"patient"`   // required
	Encounter hmstype.EncounterID `json:"encounter"` // zero means all, with and without encounter
	Statuses  []ChargeStatus      `json:"statuses"`  // empty means all
	Page      hmstype.Page        `json:"page"`
}

// Validate implements the rules above.
func (in ListChargesInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	for _, status := range in.Statuses {
		hmstype.OneOf(&v, status, "statuses", ChargeTransitions.States()...)
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListCharges = usecase.Query[ListChargesInput, hmstype.List[Charge]]{
	Name: "billing.list_charges", Permission: hmstype.PermBillingRead, Shows: chargeItems.Page(),
	Sample: ListChargesInput{Statuses: []ChargeStatus{ChargeBillable}},
}.Declare()

// ListCharges lists a patient's charges by the time of the act, and records that they were read.
// Permission: [hmstype.PermBillingRead].
func (s *Service) ListCharges(ctx context.Context, in ListChargesInput) (hmstype.List[Charge], error) {
	return opListCharges.Run(ctx, &s.base, in, charges)
}

func charges(ctx context.Context, db dbx.DB, in ListChargesInput) (hmstype.List[Charge], error) {
	db.About(in.Patient)
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "service_at"}, chargeRow.charge,
		dbx.Equal("patient_id", in.Patient),
		dbx.When(!in.Encounter.IsZero(), dbx.Equal("encounter_id", in.Encounter)),
		dbx.When(len(in.Statuses) > 0, dbx.OneOf("status", in.Statuses)))
}

var opGetCharge = usecase.Query[usecase.ByID[hmstype.ChargeID], Charge]{
	Name: "billing.get_charge", Permission: hmstype.PermBillingRead, Shows: chargeItems.One(),
}.Declare()

// GetCharge gives one charge, and records that it was read.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetCharge(ctx context.Context, id hmstype.ChargeID) (Charge, error) {
	return opGetCharge.Run(ctx, &s.base, usecase.ID(id), getCharge)
}

func getCharge(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ChargeID]) (Charge, error) {
	row, err := dbx.Get[chargeRow](ctx, db, "charge", in.ID)
	return row.charge(), err
}
