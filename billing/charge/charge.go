// Package charge is the small neutral value by which pharmacy, laboratory, facility and
// clinical work tell the finance side that something chargeable was done, and the port
// that takes it.
//
// It owns the value and the interface. It does not own prices, bills or the ledger:
// package billing implements [Poster], and a host with a finance system of its own
// passes its own.
package charge

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// Source names the act that a charge is for. The same source is charged once: a second
// Post of it is a no-op that gives the first charge's id.
type Source struct {
	Kind string `json:"kind"` // such as "dispense", "lab_order_item", "stay_day"; 1 to 40 characters
	ID   string `json:"id"`   // the act's id within the kind; 1 to 100 characters
	Line int    `json:"line"` // for an act with several charges, from 0
}

// Request asks for one charge.
type Request struct {
	Source    Source
	Patient   hmstype.PatientID
	Encounter hmstype.EncounterID // zero where the act belongs to no encounter
	Service   string              // code of the service catalogue; required
	Text      string              // what stands on the bill; empty means the catalogue's name
	Quantity  decimal.Decimal     // greater than zero, at most 4 decimal places
	UnitPrice *hmstype.Money      // nil means the catalogue's price at At
	At        time.Time           // when the act was done (the service date)
}

// Poster takes charges and takes them back. conn is the act's own transaction: the
// charge is there if and only if the act is.
type Poster interface {
	// Post captures the charge and gives its id. Errors: an unknown service code or an
	// impossible quantity is of kind invalid.
	Post(ctx context.Context, conn bun.IConn, req Request) (hmstype.ChargeID, error)
	// Reverse takes back every charge of the source (all its lines) that is not billed yet, and
	// credits what is; a source that was never charged is a no-op.
	Reverse(ctx context.Context, conn bun.IConn, source Source, reason string) error
}

// None is the Poster of a host that charges nothing.
type None struct{}

// Post charges nothing and gives the zero id.
func (None) Post(context.Context, bun.IConn, Request) (hmstype.ChargeID, error) {
	return hmstype.ChargeID{}, nil
}

// Reverse does nothing.
func (None) Reverse(context.Context, bun.IConn, Source, string) error { return nil }
