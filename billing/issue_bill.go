package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Copay is the fixed amount that the patient pays first, once per bill, before a coverage
// pays its percentage.
type Copay struct {
	Coverage hmstype.CoverageID `json:"coverage"` // an active coverage of the patient
	Amount   hmstype.Money      `json:"amount"`   // more than zero
}

// IssueBillInput issues a draft.
type IssueBillInput struct {
	ID             hmstype.BillID `json:"id"`      // required
	Copays         []Copay        `json:"copays"`  // empty means none
	SelfPay        bool           `json:"selfPay"` // the patient pays all: no coverage is asked
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in IssueBillInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	seen := map[hmstype.CoverageID]bool{}
	for i, c := range in.Copays {
		v.Check(!c.Coverage.IsZero() && !seen[c.Coverage], fmt.Sprintf("copays[%d].coverage", i), "must be named once")
		seen[c.Coverage] = true
		checkAmount(&v, c.Amount, fmt.Sprintf("copays[%d].amount", i))
	}
	v.Check(!in.SelfPay || len(in.Copays) == 0, "copays", "must be empty where the patient pays all")
	return v.Err()
}

var opIssueBill = usecase.Command[IssueBillInput, Bill]{
	Name: "billing.issue_bill", Permission: hmstype.PermBillWrite, Shows: invoices.One(),
	Key:    func(in IssueBillInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(b Bill) hmstype.BillID { return b.ID }, getBill),
	Sample: IssueBillInput{},
}.Declare()

// IssueBill splits a draft over the payers whose coverage was active on each line's day of
// service, gives it its number, free of gaps per calendar year of the tenant's day, and
// posts it to the ledger. From then on only credit notes change it.
// [ErrNothingToBill] for a draft without lines, [hmstype.ErrInvalidTransition] for an issued one.
// Permission: [hmstype.PermBillWrite].
func (s *Service) IssueBill(ctx context.Context, in IssueBillInput) (Bill, error) {
	return opIssueBill.Run(ctx, &s.base, in, s.issueBill)
}

func (s *Service) issueBill(ctx context.Context, db dbx.DB, in IssueBillInput) (Bill, error) {
	row, err := lockBill(ctx, db, in.ID)
	if err != nil {
		return Bill{}, err
	}
	if err := BillTransitions.Check("bill", row.Status, BillIssued); err != nil {
		return Bill{}, err
	}
	lines, err := liveLines(ctx, db, row.ID)
	if err != nil {
		return Bill{}, err
	}
	if len(lines) == 0 {
		return Bill{}, ErrNothingToBill
	}
	split := newBillSplit(db, row)
	if err := s.splitBill(ctx, db, in, split, lines); err != nil {
		return Bill{}, err
	}
	row.sum(lines)
	if err := split.save(ctx, db, lines); err != nil {
		return Bill{}, err
	}
	to := BillIssued
	if row.TotalAmount.IsZero() {
		to = BillBalanced
	}
	err = dbx.Move(ctx, db, billSteps, &row, dbx.Change[billRow, BillStatus]{
		To: to, Apply: func(row *billRow) error { return postIssue(ctx, db, row) },
	})
	if err != nil {
		return Bill{}, err
	}
	return loadBill(ctx, db, row.ID)
}

// postIssue bills the charges, posts the journal and, last, takes the number, whose
// counter every other issue of the tenant waits for.
func postIssue(ctx context.Context, db dbx.DB, row *billRow) error {
	today, err := db.Today(ctx)
	if err != nil {
		return err
	}
	if err := billCharges(ctx, db, row.ID); err != nil {
		return err
	}
	row.JournalID = hmstype.NewID[hmstype.JournalID]()
	journal := journalRow{
		ID: row.JournalID, Kind: journalBill, SourceID: row.ID.String(), Currency: row.Currency, BusinessDate: today,
	}
	err = postJournal(ctx, db, journal, row.ID, []entry{
		{AccountReceivablePatient, row.PatientAmount}, {AccountReceivablePayer, row.PayerAmount},
		{AccountDiscount, row.DiscountAmount}, {AccountRevenue, row.GrossAmount.Neg()}, {AccountTax, row.TaxAmount.Neg()},
	})
	if err != nil {
		return err
	}
	row.OpenAmount, row.BillDate, row.IssuedAt = row.TotalAmount, today, db.Now
	n, err := db.NextNumber(ctx, billNumbers, today.Year())
	row.BillNumber = fiscalNumber("INV", today.Year(), n)
	return err
}

// chargeStatusRow is a step of a charge; see [dbx.History].
type chargeStatusRow struct {
	bun.BaseModel `bun:"table:hms.charge_status"`
	dbx.Tenanted
	EntityID   hmstype.ChargeID
	Version    int64
	FromStatus ChargeStatus
	ToStatus   ChargeStatus
	SteppedAt  time.Time
	SteppedBy  hmstype.ActorRef
	Reason     string
}

// billCharges steps all charges of a bill at once: there may be a thousand.
func billCharges(ctx context.Context, db dbx.DB, bill hmstype.BillID) error {
	var billed []struct {
		ID      hmstype.ChargeID
		Version int64
	}
	err := db.NewRaw(`UPDATE hms.charge AS c SET status = ?2, version = c.version + 1 FROM hms.bill_line AS l
		WHERE c.tenant_id = ?0 AND l.tenant_id = ?0 AND l.bill_id = ?1 AND l.released_at IS NULL AND c.id = l.charge_id
		RETURNING c.id, c.version`, db.Tenant(), bill, ChargeBilled).Scan(ctx, &billed)
	if err != nil {
		return err
	}
	steps := make([]chargeStatusRow, len(billed))
	for i, c := range billed {
		steps[i] = chargeStatusRow{
			Tenanted: tenanted(db), EntityID: c.ID, Version: c.Version, FromStatus: ChargeBillable, ToStatus: ChargeBilled,
			SteppedAt: db.Now, SteppedBy: db.By(),
		}
	}
	return dbx.Insert(ctx, db, steps...)
}
