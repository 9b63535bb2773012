package billing

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
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

// Standing locks the patient's account and lists the charges of an encounter that are billed and not credited in full:
// the bill is cancelled, or a credit note issued, before the encounter is entered in error.
func (p Port) Standing(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, whose hmstype.PatientID,
) ([]patient.Open, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := lockAccount(ctx, db, whose); err != nil {
		return nil, dbx.Map(err)
	}
	charges, err := chargesIn(ctx, db, id, ChargeBilled)
	if err != nil || len(charges) == 0 {
		return nil, dbx.Map(err)
	}
	ids := make([]hmstype.ChargeID, len(charges))
	for i, c := range charges {
		ids[i] = c.ID
	}
	lines, err := dbx.All[lineRow](ctx, db, dbx.OneOf("charge_id", ids), isLive, dbx.OrderBy("l.id"))
	if err != nil {
		return nil, dbx.Map(err)
	}
	owed := map[hmstype.ChargeID]bool{}
	for _, l := range lines {
		owed[l.ChargeID] = owed[l.ChargeID] || l.restTotal().IsPositive()
	}
	var standing []patient.Open
	for _, c := range charges {
		if owed[c.ID] {
			standing = append(standing, patient.Open{Entity: "charge", ID: c.ID.String()})
		}
	}
	return standing, nil
}

// TakeBack aborts the charges of an encounter that nobody was billed for.
func (p Port) TakeBack(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, whose hmstype.PatientID, reason string,
) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	if err := lockAccount(ctx, db, whose); err != nil {
		return dbx.Map(err)
	}
	charges, err := chargesIn(ctx, db, id, ChargePlanned, ChargeBillable)
	for i := 0; err == nil && i < len(charges); i++ {
		err = abortCharge(ctx, db, &charges[i], reason)
	}
	return dbx.Map(err)
}

// chargesIn gives the charges of an encounter that are in one of some states, in the order of their ids.
func chargesIn(ctx context.Context, db dbx.DB, id hmstype.EncounterID, in ...ChargeStatus) ([]chargeRow, error) {
	return dbx.All[chargeRow](
		ctx, db, dbx.Equal("encounter_id", id), dbx.OneOf("status", in), dbx.OrderBy("c.id"),
	)
}

var _ charge.Poster = Port{}
