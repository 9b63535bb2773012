package billing

import (
	"context"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// billSplit gathers who owes how much of a bill and of each line.
type billSplit struct {
	bill   billRow
	shares []shareRow // the patient's first
	lines  []lineShareRow
}

func newBillSplit(db dbx.DB, bill billRow) *billSplit {
	s := &billSplit{bill: bill}
	s.shares = append(s.shares, s.newShare(db))
	return s
}

func (b *billSplit) newShare(db dbx.DB) shareRow {
	return shareRow{
		Tenanted: tenanted(db), ID: hmstype.NewID[ShareID](), BillID: b.bill.ID, PatientID: b.bill.PatientID,
		Currency: b.bill.Currency,
	}
}

// share gives the index of the payer's share, which is made on first use.
func (b *billSplit) share(db dbx.DB, t payerTerms) int {
	i := slices.IndexFunc(b.shares, func(s shareRow) bool { return s.CoverageID == t.coverage })
	if i < 0 {
		row := b.newShare(db)
		row.CoverageID, row.Payer = t.coverage, t.payer
		b.shares = append(b.shares, row)
		i = len(b.shares) - 1
	}
	return i
}

func (b *billSplit) add(db dbx.DB, share int, line hmstype.BillLineID, amount decimal.Decimal) {
	b.shares[share].Amount = b.shares[share].Amount.Add(amount)
	b.lines = append(b.lines, lineShareRow{
		Tenanted: tenanted(db), BillID: b.bill.ID, BillLineID: line, ShareID: b.shares[share].ID, Currency: b.bill.Currency,
		Amount: amount,
	})
}

// splitBill splits every line by the coverages of its day of service.
func (s *Service) splitBill(ctx context.Context, db dbx.DB, in IssueBillInput, b *billSplit, lines []lineRow) error {
	copays := map[hmstype.CoverageID]hmstype.Money{}
	for _, c := range in.Copays {
		copays[c.Coverage] = c.Amount
	}
	named := len(copays)
	known := map[hmstype.CoverageID]bool{}
	byDay := map[hmstype.Date][]payerTerms{}
	for i := range lines {
		l := &lines[i]
		terms, ok := byDay[l.ServiceDate]
		if !ok && !in.SelfPay {
			var err error
			if terms, err = s.termsOn(ctx, db, b.bill.PatientID, l.ServiceDate); err != nil {
				return err
			}
			byDay[l.ServiceDate] = terms
		}
		parts, left, err := splitLine(money(l.TotalAmount, l.Currency), terms, copays)
		if err != nil {
			return err
		}
		b.add(db, 0, l.ID, left.Amount)
		for j, t := range terms {
			if _, ok := copays[t.coverage]; ok {
				known[t.coverage] = true
			}
			if !parts[j].IsZero() {
				b.add(db, b.share(db, t), l.ID, parts[j].Amount)
			}
		}
		l.PatientAmount, l.PayerAmount = left.Amount, l.TotalAmount.Sub(left.Amount)
	}
	if len(known) != named {
		return hmstype.Invalid("copays", "must name coverages that are active on a day of service")
	}
	return nil
}

func (s *Service) termsOn(
	ctx context.Context, db dbx.DB, patient hmstype.PatientID, day hmstype.Date,
) ([]payerTerms, error) {
	coverages, err := s.ports.Patients.ActiveCoverages(ctx, db.Conn(), patient, day)
	terms := make([]payerTerms, len(coverages))
	for i, c := range coverages {
		terms[i] = payerTerms{coverage: c.ID, payer: c.PayerName, percent: c.Percent}
	}
	return terms, err
}

// save writes the shares, then closes the lines.
func (b *billSplit) save(ctx context.Context, db dbx.DB, lines []lineRow) error {
	for i := range b.shares {
		b.shares[i].Sequence = i
	}
	if err := dbx.Insert(ctx, db, b.shares...); err != nil {
		return err
	}
	if err := dbx.Insert(ctx, db, b.lines...); err != nil {
		return err
	}
	ids, amounts := make([]hmstype.BillLineID, len(lines)), make([]decimal.Decimal, len(lines))
	for i, l := range lines {
		ids[i], amounts[i] = l.ID, l.PayerAmount
	}
	_, err := db.NewRaw(`UPDATE hms.bill_line AS l
		SET issued_at = ?, payer_amount = v.payer, patient_amount = l.total_amount - v.payer
		FROM unnest(?::uuid[], ?::numeric[]) AS v (id, payer) WHERE l.tenant_id = ? AND l.id = v.id`,
		db.Now, dbx.Array(ids), dbx.Array(amounts), db.Tenant()).Exec(ctx)
	return err
}
