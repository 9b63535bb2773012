package hms

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/pharmacy"
)

// prescriptions tells the pharmacy what it needs to know of a prescription.
type prescriptions struct {
	clinical clinical.Port
}

func (p prescriptions) LockPrescription(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID) (pharmacy.Prescription, error) {
	rx, err := p.clinical.LockPrescription(ctx, conn, id)
	return pharmacy.Prescription{
		Patient: rx.Patient, PrescribedBy: rx.PrescribedBy, Encounter: rx.Encounter, Item: rx.Medication, ValidUntil: rx.ValidUntil,
		Active:    rx.Status == clinical.PrescriptionActive,
		Remaining: rx.Limit() - rx.Dispensed,
	}, err
}

func (p prescriptions) RecordDispensed(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, quantity hmstype.Quantity) error {
	return p.clinical.RecordDispensed(ctx, conn, id, quantity)
}

// hostCharges is a host's own Poster, whose code runs in the host's role and settings.
type hostCharges struct {
	poster charge.Poster
	handle dbx.Handle
}

func (p hostCharges) Post(ctx context.Context, conn bun.IConn, req charge.Request) (id hmstype.ChargeID, err error) {
	err = p.asHost(ctx, conn, func(ctx context.Context, conn bun.IConn) error {
		id, err = p.poster.Post(ctx, conn, req)
		return err
	})
	return id, err
}

func (p hostCharges) Reverse(ctx context.Context, conn bun.IConn, source charge.Source, reason string) error {
	return p.asHost(ctx, conn, func(ctx context.Context, conn bun.IConn) error {
		return p.poster.Reverse(ctx, conn, source, reason)
	})
}

func (p hostCharges) asHost(ctx context.Context, conn bun.IConn, fn func(context.Context, bun.IConn) error) error {
	db, err := p.handle.Join(ctx, conn)
	if err != nil {
		return err
	}
	return db.AsHost(ctx, fn)
}
