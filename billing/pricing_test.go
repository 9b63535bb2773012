package billing

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
)

func drawMoney(t *rapid.T, currency hmstype.Currency, maxUnits int64, label string) hmstype.Money {
	units := rapid.Int64Range(0, maxUnits).Draw(t, label)
	return hmstype.Money{Amount: decimal.New(units, -currency.MinorUnits()), Currency: currency}
}

func drawCurrency(t *rapid.T) hmstype.Currency {
	return rapid.SampledFrom([]hmstype.Currency{"USD", "JPY", "KWD", "CLF"}).Draw(t, "currency")
}

func drawPercent(t *rapid.T, label string) decimal.Decimal {
	return decimal.New(rapid.Int64Range(0, 1_000_000).Draw(t, label), -4)
}

func TestPriceLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		quantity, price, tax, discount string
		currency                       hmstype.Currency
		gross, total                   string
	}{
		{"1", "100.00", "0", "0", "USD", "100.00 USD", "100.00 USD"},
		{"3", "0.335", "0", "0", "KWD", "1.005 KWD", "1.005 KWD"},
		{"1.5", "19.99", "7.5", "0", "USD", "29.99 USD", "32.24 USD"},
		{"0.5", "3", "10", "0", "JPY", "2 JPY", "2 JPY"},
		{"0.5", "5", "10", "0", "JPY", "3 JPY", "3 JPY"},
		{"2", "10.00", "20", "5.00", "USD", "20.00 USD", "18.00 USD"},
		{"0.0001", "1.00", "100", "0", "USD", "0.00 USD", "0.00 USD"},
	} {
		l, err := priceLine(decimal.RequireFromString(tt.quantity), hmstype.MustMoney(tt.price, tt.currency),
			decimal.RequireFromString(tt.tax), hmstype.MustMoney(tt.discount, tt.currency))
		require.NoError(t, err)
		require.Equal(t, tt.gross, l.gross.String())
		require.Equal(t, tt.total, l.total.String())
	}
	_, err := priceLine(
		decimal.NewFromInt(1), hmstype.MustMoney("1", "USD"), decimal.Zero, hmstype.MustMoney("1.01", "USD"),
	)
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

func TestSplitLine_Property(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := drawCurrency(t)
		total := drawMoney(t, currency, 1_000_000_000, "total")
		copays := map[hmstype.CoverageID]hmstype.Money{}
		terms := make([]payerTerms, rapid.IntRange(0, 4).Draw(t, "payers"))
		for i := range terms {
			terms[i] = payerTerms{coverage: hmstype.NewID[hmstype.CoverageID](), percent: drawPercent(t, "percent")}
			if rapid.Bool().Draw(t, "copay?") {
				copays[terms[i].coverage] = drawMoney(t, currency, 10_000, "copay")
			}
		}
		parts, left, err := splitLine(total, terms, copays)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := hmstype.SumMoney(currency, append(parts, left)...)
		if err != nil || !sum.Equal(total) {
			t.Fatalf("%v splits into %v and %v", total, parts, left)
		}
		for _, p := range append(parts, left) {
			if p.Sign() < 0 || !p.IsRounded() {
				t.Fatalf("a share of %v is %v", total, p)
			}
		}
	})
}

func TestSpreadDiscount_Property(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := drawCurrency(t)
		lines := make([]pricedLine, rapid.IntRange(1, 12).Draw(t, "lines"))
		net := hmstype.ZeroMoney(currency)
		for i := range lines {
			quantity := decimal.New(rapid.Int64Range(1, 50_000).Draw(t, "quantity"), -4)
			line, err := priceLine(
				quantity, drawMoney(t, currency, 1_000_000, "price"), drawPercent(t, "tax"), hmstype.ZeroMoney(currency),
			)
			if err != nil {
				t.Fatal(err)
			}
			lines[i] = line
			net.Amount = net.Amount.Add(line.net.Amount)
		}
		if net.IsZero() {
			t.Skip("nothing to discount")
		}
		discount := drawMoney(t, currency, minorUnits(net), "discount")
		if err := spreadDiscount(lines, discount); err != nil {
			t.Fatal(err)
		}
		after, off := decimal.Zero, decimal.Zero
		for _, l := range lines {
			if l.net.Sign() < 0 || !l.total.Amount.Equal(l.net.Amount.Add(l.tax.Amount)) {
				t.Fatalf("line %+v", l)
			}
			after, off = after.Add(l.net.Amount), off.Add(l.discount.Amount)
		}
		if !off.Equal(discount.Amount) || !after.Add(off).Equal(net.Amount) {
			t.Fatalf("%v off %v leaves %v", discount, net, after)
		}
	})
}

// TestCredit_Property credits a line in random pieces, by units and by amounts: the pieces never exceed
// the line, and the last one takes exactly what is left of net, tax and every share.
func TestCredit_Property(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := drawCurrency(t)
		line, shares := drawIssuedLine(t, currency)
		for range rapid.IntRange(0, 8).Draw(t, "pieces") {
			ask := CreditLine{Line: line.ID, Quantity: decimal.New(rapid.Int64Range(1, 30_000).Draw(t, "quantity"), -4)}
			if rapid.Bool().Draw(t, "by amount") {
				amount := drawMoney(t, currency, 100_000, "amount")
				ask = CreditLine{Line: line.ID, Amount: &amount}
				if amount.IsZero() {
					continue
				}
			}
			creditOnce(t, &line, shares, []CreditLine{ask})
		}
		creditOnce(t, &line, shares, nil)
		if !line.restTotal().IsZero() || !line.restNet().IsZero() || !line.restTax().IsZero() {
			t.Fatalf("left: net %v, tax %v", line.restNet(), line.restTax())
		}
		for _, s := range shares {
			if !s.Amount.Equal(s.CreditedAmount) {
				t.Fatalf("share %v of which %v is credited", s.Amount, s.CreditedAmount)
			}
		}
	})
}

func drawIssuedLine(t *rapid.T, currency hmstype.Currency) (lineRow, []lineShareRow) {
	quantity := decimal.New(rapid.Int64Range(1, 100_000).Draw(t, "quantity"), -4)
	p, err := priceLine(
		quantity, drawMoney(t, currency, 1_000_000, "price"), drawPercent(t, "tax"), hmstype.ZeroMoney(currency),
	)
	if err != nil {
		t.Fatal(err)
	}
	line := lineRow{
		ID: hmstype.NewID[hmstype.BillLineID](), Quantity: quantity, Currency: currency,
		NetAmount: p.net.Amount, TaxAmount: p.tax.Amount, TotalAmount: p.total.Amount,
	}
	terms := []payerTerms{{percent: drawPercent(t, "first")}, {percent: drawPercent(t, "second")}}
	parts, left, err := splitLine(p.total, terms, nil)
	if err != nil {
		t.Fatal(err)
	}
	shares := []lineShareRow{}
	for _, m := range append(parts, left) {
		shares = append(shares, lineShareRow{
			BillLineID: line.ID, ShareID: hmstype.NewID[ShareID](), Currency: currency, Amount: m.Amount,
		})
	}
	return line, shares
}

func creditOnce(t *rapid.T, line *lineRow, shares []lineShareRow, ask []CreditLine) {
	c := &credit{note: creditNoteRow{Currency: line.Currency}}
	if err := c.addLines([]lineRow{*line}, ask); err != nil {
		return // refused: more than is left, or worth nothing
	}
	for _, l := range c.lines {
		if err := c.splitLine(l, shares, map[ShareID]bool{shares[2].ShareID: true}); err != nil {
			t.Fatal(err)
		}
		if l.NetAmount.IsNegative() || l.TaxAmount.IsNegative() || l.NetAmount.GreaterThan(line.restNet()) ||
			l.TaxAmount.GreaterThan(line.restTax()) {
			t.Fatalf("credited net %v of %v, tax %v of %v", l.NetAmount, line.restNet(), l.TaxAmount, line.restTax())
		}
		line.CreditedNet, line.CreditedTax = line.CreditedNet.Add(l.NetAmount), line.CreditedTax.Add(l.TaxAmount)
		line.CreditedQuantity = line.CreditedQuantity.Add(l.Quantity)
	}
	sum := decimal.Zero
	for _, s := range c.shares {
		sum = sum.Add(s.Amount)
		for i := range shares {
			if shares[i].ShareID == s.ShareID {
				shares[i].CreditedAmount = shares[i].CreditedAmount.Add(s.Amount)
				if shares[i].CreditedAmount.GreaterThan(shares[i].Amount) {
					t.Fatalf("share %v is credited %v", shares[i].Amount, shares[i].CreditedAmount)
				}
			}
		}
	}
	if !sum.Equal(c.note.TotalAmount) || !c.patient.Add(c.payer).Equal(sum) {
		t.Fatalf("note %v, shares %v", c.note.TotalAmount, sum)
	}
}
