package billing

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Port is how other services charge for what they do: the [charge.Poster] of this package, inside the transaction
// of a use case that
// asked for its permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

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

// Reverse implements [charge.Poster]: in the use case's transaction it aborts every charge of
// the source that is not billed (a draft loses its line), and credits in full what is. The source's
// Line does not count. A source that was never charged, or was reversed before, is a no-op.
func (p Port) Reverse(ctx context.Context, conn bun.IConn, source charge.Source, reason string) error {
	var v hmstype.Validator
	checkSource(&v, source)
	v.Text(reason, "reason", 1, maxReason)
	if err := v.Err(); err != nil {
		return err
	}
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	return dbx.Map(reverse(ctx, db, source, reason))
}

var _ charge.Poster = Port{}
