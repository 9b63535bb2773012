package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Post implements [charge.Poster]: it captures a charge in the use case's transaction, with the
// catalogue's price at the day of service unless the request brings one. A second Post of a
// source gives the first charge's id and changes nothing, also where the first was
// taken back. [ErrUnknownService] and [ErrNoPrice] leave the transaction usable.
func (p Port) Post(ctx context.Context, conn bun.IConn, req charge.Request) (hmstype.ChargeID, error) {
	if err := validateRequest(req); err != nil {
		return hmstype.ChargeID{}, err
	}
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.ChargeID{}, err
	}
	info, err := db.TenantInfo(ctx)
	if err != nil {
		return hmstype.ChargeID{}, dbx.Map(err)
	}
	c := capture{
		id: hmstype.NewID[hmstype.ChargeID](), patient: req.Patient, encounter: req.Encounter, source: req.Source,
		service: req.Service, text: req.Text, quantity: req.Quantity, price: req.UnitPrice, currency: info.Currency,
		at: hmstype.Instant(req.At), day: hmstype.DateOf(req.At, info.Zone), status: ChargeBillable,
	}
	id, err := c.post(ctx, db)
	return id, dbx.Map(err)
}

func validateRequest(req charge.Request) error {
	var v hmstype.Validator
	checkSource(&v, req.Source)
	v.Required(!req.Patient.IsZero(), "patient")
	names.Check(&v, names.CodeKey, req.Service, "service", 50)
	v.Text(req.Text, "text", 0, 300)
	checkQuantity(&v, req.Quantity, "quantity")
	if p := req.UnitPrice; p != nil {
		v.Check(isPlain(p.Amount) && p.Sign() >= 0, "unitPrice.amount", "must be at least 0 and at most 999999999999")
		if isPlain(p.Amount) {
			v.Nested("unitPrice", p.Validate())
		}
	}
	v.Required(!req.At.IsZero(), "at")
	return v.Err()
}

func checkSource(v *hmstype.Validator, source charge.Source) {
	v.Text(source.Kind, "source.kind", 1, 40)
	v.Text(source.ID, "source.id", 1, 100)
	v.Check(source.Line >= 0 && source.Line <= 1_000_000, "source.line", "must lie between 0 and 1000000")
}

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
	Key: func(in CaptureChargeInput) string { return in.IdempotencyKey },
	Sample: CaptureChargeInput{
		Service: "TAB", Text: "a long talk", Quantity: decimal.NewFromInt(1), At: usecase.SampleAt,
	},
}.Declare()

// CaptureCharge captures a charge by hand. [ErrUnknownService], [ErrNoPrice]; the patient
// must be live.
// Permission: [hmstype.PermCharge].
func (s *Service) CaptureCharge(ctx context.Context, in CaptureChargeInput) (Charge, error) {
	return opCaptureCharge.Run(ctx, &s.base, in, s.captureCharge)
}

func (s *Service) captureCharge(ctx context.Context, db dbx.DB, in CaptureChargeInput) (Charge, error) {
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
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

// SetChargeStatusInput moves an unbilled charge to another state.
type SetChargeStatusInput struct {
	ID      hmstype.ChargeID `json:"id"`      // required
	Version int64            `json:"version"` // the version that the caller read
	Status  ChargeStatus     `json:"status"`  // billable, not-billable, aborted or entered-in-error
	Reason  string           `json:"reason"`  // required unless the new state is billable; up to 500 characters
}

// Validate implements the rules above.
func (in SetChargeStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", ChargeBillable, ChargeNotBillable, ChargeAborted, ChargeEnteredInError)
	minReason := 1
	if in.Status == ChargeBillable {
		minReason = 0
	}
	v.Text(in.Reason, "reason", minReason, maxReason)
	return v.Err()
}

var opSetChargeStatus = usecase.Command[SetChargeStatusInput, Charge]{
	Name: "billing.set_charge_status", Permission: hmstype.PermCharge, Shows: chargeItems.One(),
	Sample: SetChargeStatusInput{Version: 1, Status: ChargeNotBillable, Reason: "goodwill"},
}.Declare()

// SetChargeStatus moves an unbilled charge: a planned one becomes billable, a billable one is
// waived, aborted or marked as an error. [ErrChargeBilled] for a charge on a draft bill (cancel
// the draft first), [hmstype.ErrInvalidTransition] for one that was billed.
// Permission: [hmstype.PermCharge].
func (s *Service) SetChargeStatus(ctx context.Context, in SetChargeStatusInput) (Charge, error) {
	return opSetChargeStatus.Run(ctx, &s.base, in, setChargeStatus)
}

func setChargeStatus(ctx context.Context, db dbx.DB, in SetChargeStatusInput) (Charge, error) {
	row, err := dbx.Get[chargeRow](ctx, db, "charge", in.ID)
	if err != nil {
		return Charge{}, err
	}
	if err := lockAccount(ctx, db, row.PatientID); err != nil {
		return Charge{}, err
	}
	row, err = dbx.Step(ctx, db, chargeSteps, in.ID, dbx.Change[chargeRow, ChargeStatus]{
		To: in.Status, Reason: in.Reason,
		Apply: func(row *chargeRow) error {
			row.StatusReason = in.Reason
			if err := refuseBilled(ctx, db, []hmstype.ChargeID{row.ID}); err != nil {
				return err
			}
			return dbx.CheckVersion(row, in.Version)
		},
	})
	return row.charge(), err
}

// lockAccount makes the use cases on one patient's bills take turns.
// In SQL: migrate/routine/billing/lock_billing_account.sql.
func lockAccount(ctx context.Context, db dbx.DB, patient hmstype.PatientID) error {
	_, err := db.Exec(ctx, `SELECT hms.lock_billing_account($1, $2, $3)`, db.Tenant(), patient, db.Now)
	return err
}

// refuseBilled gives a [ChargeBilledError] where one of the charges is on a bill.
func refuseBilled(ctx context.Context, db dbx.DB, ids []hmstype.ChargeID) error {
	lines, err := dbx.All[lineRow](ctx, db, dbx.OneOf("charge_id", ids), isLive, dbx.OrderBy("l.charge_id"), dbx.Limit(1))
	if err != nil || len(lines) == 0 {
		return err
	}
	return &ChargeBilledError{Charge: lines[0].ChargeID, Bill: lines[0].BillID}
}
