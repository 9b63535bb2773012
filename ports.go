package hms

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/pharmacy"
)

// finishGuard lets the facility refuse to finish an encounter. Clinical and facility need
// each other, so the guard gets its service after both were made.
type finishGuard struct {
	*facility.Service
}

// prescriptions tells the pharmacy what it needs to know of a prescription.
type prescriptions struct {
	clinical *clinical.Service
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
