package billing

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

func tenanted(db dbx.DB) dbx.Tenanted { return dbx.Tenanted{TenantID: db.Tenant()} }

// money gives the amount of a column, without the places that numeric(19,4) adds.
func money(amount decimal.Decimal, currency hmstype.Currency) hmstype.Money {
	return hmstype.RoundMoney(amount, currency)
}

// Bills and credit notes are numbered without gaps, anew each year.
var (
	billNumbers       = dbx.DeclareYearlySeries("bill")
	creditNoteNumbers = dbx.DeclareYearlySeries("credit-note")
)

// fiscalNumber is how a number stands on the document.
func fiscalNumber(prefix string, year int, n int64) string {
	return fmt.Sprintf("%s-%d-%06d", prefix, year, n)
}
