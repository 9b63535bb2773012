package billing

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// maxLines bounds one bill.
const maxLines = 1000

// LineDiscount is a discount on one charge of a bill.
type LineDiscount struct {
	Charge hmstype.ChargeID `json:"charge"` // one of the bill's
	Amount hmstype.Money    `json:"amount"` // more than zero, at most the line's gross amount
}

// CreateBillInput makes a draft of some charges of one patient.
type CreateBillInput struct {
	Patient   hmstype.PatientID   `json:"patient"`   // required
	Encounter hmstype.EncounterID `json:"encounter"` // zero means the charges of any encounter and of none
	// empty means every billable charge in the currency that is on no bill
	Charges   []hmstype.ChargeID `json:"charges"`
	Currency  hmstype.Currency   `json:"currency"`  // of the bill; empty means the tenant's
	Discounts []LineDiscount     `json:"discounts"` // on single lines
	// on the whole bill, spread over its lines; nil means none
	Discount       *hmstype.Money `json:"discount"`
	DiscountReason string         `json:"discountReason"` // required with a discount, up to 500 characters
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in CreateBillInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Check(len(in.Charges) <= maxLines, "charges", "must be at most 1000")
	v.Check(in.Currency == "" || in.Currency.Valid(), "currency", "must be an ISO 4217 code")
	seen := map[hmstype.ChargeID]bool{}
	for i, id := range in.Charges {
		v.Check(!id.IsZero() && !seen[id], fmt.Sprintf("charges[%d]", i), "must be named once")
		seen[id] = true
	}
	clear(seen)
	for i, d := range in.Discounts {
		v.Check(!d.Charge.IsZero() && !seen[d.Charge], fmt.Sprintf("discounts[%d].charge", i), "must be named once")
		seen[d.Charge] = true
		checkAmount(&v, d.Amount, fmt.Sprintf("discounts[%d].amount", i))
	}
	if in.Discount != nil {
		checkAmount(&v, *in.Discount, "discount")
	}
	minReason := 0
	if in.Discount != nil || len(in.Discounts) > 0 {
		minReason = 1
	}
	v.Text(in.DiscountReason, "discountReason", minReason, maxReason)
	return v.Err()
}

var opCreateBill = usecase.Command[CreateBillInput, Bill]{
	Name: "billing.create_bill", Permission: hmstype.PermBillWrite, Shows: invoices.One(),
	Key:    func(in CreateBillInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(b Bill) hmstype.BillID { return b.ID }, getBill),
	Sample: CreateBillInput{Currency: "USD", DiscountReason: "goodwill"},
}.Declare()

// CreateBill makes a draft bill of charges that are on no other bill. [ErrNothingToBill] where
// there is none; a [ChargeBilledError] where a named charge is on a bill; not found for a
// charge or an encounter that is not the patient's.
// Permission: [hmstype.PermBillWrite].
func (s *Service) CreateBill(ctx context.Context, in CreateBillInput) (Bill, error) {
	return opCreateBill.Run(ctx, &s.base, in, s.createBill)
}

func (s *Service) createBill(ctx context.Context, db dbx.DB, in CreateBillInput) (Bill, error) {
	if _, err := s.ports.Patients.Summary(ctx, db.Conn(), in.Patient); err != nil {
		return Bill{}, err
	}
	if in.Currency == "" {
		info, err := db.TenantInfo(ctx)
		if err != nil {
			return Bill{}, err
		}
		in.Currency = info.Currency
	}
	if err := holdEncounter(ctx, db, in); err != nil {
		return Bill{}, err
	}
	if err := lockAccount(ctx, db, in.Patient); err != nil {
		return Bill{}, err
	}
	charges, err := chargesToBill(ctx, db, in)
	if err != nil {
		return Bill{}, err
	}
	priced, err := priceBill(charges, in)
	if err != nil {
		return Bill{}, err
	}
	bill, lines := draftRows(db, in, charges, priced)
	if err := dbx.Insert(ctx, db, bill); err != nil {
		return Bill{}, err
	}
	if err := dbx.Insert(ctx, db, lines...); err != nil {
		return Bill{}, err
	}
	return loadBill(ctx, db, bill.ID)
}

// holdEncounter keeps the encounter that the bill will refer to, before the account is
// locked: a use case that holds an encounter may be waiting for the account.
func holdEncounter(ctx context.Context, db dbx.DB, in CreateBillInput) error {
	if in.Encounter.IsZero() {
		return nil
	}
	var found bool
	err := db.QueryRow(ctx, `SELECT true FROM hms.encounter AS e WHERE e.tenant_id = $1 AND e.id = $2
		AND e.patient_id = $3 FOR KEY SHARE`,
		db.Tenant(), in.Encounter, in.Patient).Scan(&found)
	return dbx.NotFoundIfNoRows(err, "encounter", in.Encounter)
}

// chargesToBill locks the charges that the input asks for, by id.
func chargesToBill(ctx context.Context, db dbx.DB, in CreateBillInput) ([]chargeRow, error) {
	named := len(in.Charges) > 0
	rows, err := dbx.All[chargeRow](ctx, db, dbx.ForUpdate, dbx.Equal("patient_id", in.Patient),
		dbx.When(!in.Encounter.IsZero(), dbx.Equal("encounter_id", in.Encounter)),
		dbx.When(named, dbx.OneOf("id", in.Charges)),
		dbx.When(!named, dbx.Equal("status", ChargeBillable), dbx.Equal("currency", in.Currency), dbx.Where(
			`NOT EXISTS (SELECT 1 FROM hms.bill_line AS l
				WHERE l.tenant_id = ? AND l.charge_id = c.id AND l.released_at IS NULL)`, db.Tenant())),
		dbx.OrderBy("c.id"), dbx.Limit(maxLines+1))
	switch {
	case err != nil:
		return nil, err
	case len(rows) > maxLines:
		return nil, hmstype.Invalid("charges", "must be at most 1000; name some of them")
	case named:
		return rows, checkNamedCharges(ctx, db, in, rows)
	case len(rows) == 0:
		return nil, ErrNothingToBill
	}
	return rows, nil
}

func checkNamedCharges(ctx context.Context, db dbx.DB, in CreateBillInput, rows []chargeRow) error {
	found := map[hmstype.ChargeID]chargeRow{}
	for _, r := range rows {
		found[r.ID] = r
	}
	for _, id := range in.Charges {
		if _, ok := found[id]; !ok {
			return hmstype.NotFound("charge", id)
		}
	}
	if err := refuseBilled(ctx, db, in.Charges); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Currency != in.Currency {
			return hmstype.ErrCurrencyMismatch
		}
		if r.Status != ChargeBillable {
			return ChargeTransitions.Check("charge", r.Status, ChargeBilled)
		}
	}
	return nil
}

// priceBill computes the lines, in the charges' order.
func priceBill(charges []chargeRow, in CreateBillInput) ([]pricedLine, error) {
	discounts := map[hmstype.ChargeID]hmstype.Money{}
	for _, d := range in.Discounts {
		discounts[d.Charge] = d.Amount
	}
	lines := make([]pricedLine, len(charges))
	for i, c := range charges {
		discount, ok := discounts[c.ID]
		if !ok {
			discount = hmstype.ZeroMoney(c.Currency)
		}
		delete(discounts, c.ID)
		var err error
		if lines[i], err = priceLine(c.Quantity, money(c.UnitPrice, c.Currency), c.TaxPercent, discount); err != nil {
			return nil, err
		}
	}
	if len(discounts) > 0 {
		return nil, hmstype.Invalid("discounts", "must name charges of the bill")
	}
	if in.Discount != nil {
		return lines, spreadDiscount(lines, *in.Discount)
	}
	return lines, nil
}

func draftRows(db dbx.DB, in CreateBillInput, charges []chargeRow, priced []pricedLine) (billRow, []lineRow) {
	bill := billRow{
		Header: dbx.NewHeader[hmstype.BillID](db), PatientID: in.Patient, EncounterID: in.Encounter,
		Currency: in.Currency, Status: BillDraft, DiscountReason: in.DiscountReason,
	}
	lines := make([]lineRow, len(charges))
	for i, c := range charges {
		p := priced[i]
		lines[i] = lineRow{
			Tenanted: tenanted(db), ID: hmstype.NewID[hmstype.BillLineID](), BillID: bill.ID, PatientID: in.Patient,
			LineNo:   i + 1,
			ChargeID: c.ID, ServiceCode: c.ServiceCode, Category: c.Category, Description: c.Description,
			ServiceDate: c.ServiceDate,
			Quantity:    c.Quantity, UnitPrice: c.UnitPrice, Currency: c.Currency, GrossAmount: p.gross.Amount,
			DiscountAmount: p.discount.Amount, NetAmount: p.net.Amount, TaxPercent: c.TaxPercent, TaxAmount: p.tax.Amount,
			TotalAmount: p.total.Amount, PatientAmount: p.total.Amount, PayerAmount: decimal.Zero,
		}
	}
	bill.sum(lines)
	return bill, lines
}

// sum makes the bill's totals those of its lines.
func (r *billRow) sum(lines []lineRow) {
	var gross, discount, tax, total, patient, payer decimal.Decimal
	for _, l := range lines {
		gross, discount, tax = gross.Add(l.GrossAmount), discount.Add(l.DiscountAmount), tax.Add(l.TaxAmount)
		total, patient, payer = total.Add(l.TotalAmount), patient.Add(l.PatientAmount), payer.Add(l.PayerAmount)
	}
	r.GrossAmount, r.DiscountAmount, r.TaxAmount = gross, discount, tax
	r.TotalAmount, r.PatientAmount, r.PayerAmount = total, patient, payer
}

// saveDraft writes the draft's totals.
func (r *billRow) saveDraft(ctx context.Context, db dbx.DB) error {
	return dbx.Update(ctx, db, r,
		"gross_amount", "discount_amount", "tax_amount", "total_amount", "patient_amount", "payer_amount")
}
