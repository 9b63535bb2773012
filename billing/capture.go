package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// capture is a charge on its way into the database.
type capture struct {
	id        hmstype.ChargeID
	patient   hmstype.PatientID
	encounter hmstype.EncounterID
	source    charge.Source
	service   string
	text      string
	quantity  decimal.Decimal
	price     *hmstype.Money   // nil: the catalogue's
	currency  hmstype.Currency // of the catalogue's price
	at        time.Time
	day       hmstype.Date
	status    ChargeStatus
}

// post is one round trip: the rule lives in the database's function.
// In SQL: migrate/routine/billing/post_charge.sql.
func (c capture) post(ctx context.Context, db dbx.DB) (hmstype.ChargeID, error) {
	var amount any
	currency := c.currency
	if c.price != nil {
		amount, currency = c.price.Amount, c.price.Currency
	}
	var id hmstype.ChargeID
	var outcome string
	err := db.QueryRow(ctx, `SELECT out_charge, out_outcome
		FROM hms.post_charge($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		db.Tenant(), c.id, c.patient, c.encounter, c.source.Kind, c.source.ID, c.source.Line,
		names.CodeKey(c.service), c.text, c.quantity, amount, string(currency), c.at, c.day, string(c.status),
		db.Now, db.By()).Scan(&id, &outcome)
	if err != nil {
		return hmstype.ChargeID{}, err
	}
	switch outcome {
	case "captured", "existing":
		return id, nil
	case "no_service":
		return hmstype.ChargeID{}, ErrUnknownService
	case "no_price":
		return hmstype.ChargeID{}, ErrNoPrice
	default:
		return hmstype.ChargeID{}, errAnswer
	}
}

// SourceManual is the kind of source of charges captured by hand; the source's id is the
// charge's own.
const SourceManual = "manual"

// CaptureChargeInput captures a charge by hand, at the catalogue's price.
type CaptureChargeInput struct {
	Patient        hmstype.PatientID   `json:"patient"`     // required
	Encounter      hmstype.EncounterID `json:"encounter"`   // zero means none; must be the patient's
	Service        string              `json:"service"`     // code of an active service, in any spelling; required
	Text           string              `json:"text"`        // up to 300 characters; empty means the catalogue's name
	Quantity       decimal.Decimal     `json:"quantity"`    // more than zero, at most four places; zero means 1
	Currency       hmstype.Currency    `json:"currency"`    // of the price; empty means the tenant's
	At             time.Time           `json:"at,omitzero"` // when it was done, or is planned; zero means now
	Planned        bool                `json:"planned"`     // the use case is to come: not billable yet
	IdempotencyKey string              `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in CaptureChargeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	names.Check(&v, names.CodeKey, in.Service, "service", 50)
	v.Text(in.Text, "text", 0, 300)
	if !in.Quantity.IsZero() {
		checkQuantity(&v, in.Quantity, "quantity")
	}
	v.Check(in.Currency == "" || in.Currency.Valid(), "currency", "must be an ISO 4217 code")
	return v.Err()
}

var opCaptureCharge = usecase.Command[CaptureChargeInput, Charge]{
	Name: "billing.capture_charge", Permission: hmstype.PermCharge, Shows: chargeItems.One(),
	Key:   func(in CaptureChargeInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(c Charge) hmstype.ChargeID { return c.ID }, getCharge),
	Sample: CaptureChargeInput{
		Service: "TAB", Text: "a long talk", Quantity: decimal.NewFromInt(1), At: usecase.SampleAt,
	},
}.Declare()

// CaptureCharge captures a charge by hand. [ErrUnknownService], [ErrNoPrice].
// What is owed follows the patient into every state of the record.
// Permission: [hmstype.PermCharge].
func (s *Service) CaptureCharge(ctx context.Context, in CaptureChargeInput) (Charge, error) {
	return opCaptureCharge.Run(ctx, &s.base, in, s.captureCharge)
}

func (s *Service) captureCharge(ctx context.Context, db dbx.DB, in CaptureChargeInput) (Charge, error) {
	if _, err := s.ports.Patients.Summary(ctx, db.Conn(), in.Patient); err != nil {
		return Charge{}, err
	}
	info, err := db.TenantInfo(ctx)
	if err != nil {
		return Charge{}, err
	}
	id := hmstype.NewID[hmstype.ChargeID]()
	c := capture{
		id: id, patient: in.Patient, encounter: in.Encounter, source: charge.Source{Kind: SourceManual, ID: id.String()},
		service: in.Service, text: in.Text, quantity: in.Quantity, currency: in.Currency,
		at: hmstype.Instant(in.At), status: ChargeBillable,
	}
	if c.quantity.IsZero() {
		c.quantity = decimal.NewFromInt(1)
	}
	if c.currency == "" {
		c.currency = info.Currency
	}
	if in.At.IsZero() {
		c.at = db.Now
	}
	if in.Planned {
		c.status = ChargePlanned
	}
	c.day = hmstype.DateOf(c.at, info.Zone)
	if _, err := c.post(ctx, db); err != nil {
		return Charge{}, err
	}
	row, err := dbx.Get[chargeRow](ctx, db, "charge", id)
	return row.charge(), err
}

// lockAccount makes the use cases on one patient's bills take turns.
// In SQL: migrate/routine/billing/lock_billing_account.sql.
func lockAccount(ctx context.Context, db dbx.DB, patient hmstype.PatientID) error {
	_, err := db.Exec(ctx, `SELECT hms.lock_billing_account($1, $2, $3)`, db.Tenant(), patient, db.Now)
	return err
}
