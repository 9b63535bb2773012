package hms

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/pharmacy"
)

// prescriptions are the clinical record's, as the pharmacy wants them.
type prescriptions struct {
	clinical clinical.Port
}

func (p prescriptions) LockToDispense(
	ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, wanted hmstype.Quantity,
) (pharmacy.LockedPrescription, error) {
	locked, err := p.clinical.LockToDispense(ctx, conn, id, wanted)
	var refused *clinical.NotDispensableError
	if errors.As(err, &refused) {
		err = &pharmacy.PrescriptionError{
			Reason: prescriptionReasons[refused.Reason], ValidUntil: refused.ValidUntil, Remaining: refused.Remaining,
		}
	}
	return p.locked(locked), err
}

var prescriptionReasons = map[clinical.NotDispensableReason]pharmacy.PrescriptionReason{
	clinical.NotDispensableInactive: pharmacy.PrescriptionNotActive,
	clinical.NotDispensableExpired:  pharmacy.PrescriptionExpired,
	clinical.NotDispensableExceeds:  pharmacy.PrescriptionExceeded,
}

func (p prescriptions) LockToTakeBack(
	ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID,
) (pharmacy.LockedPrescription, error) {
	locked, err := p.clinical.LockToTakeBack(ctx, conn, id)
	return p.locked(locked), err
}

func (p prescriptions) locked(rx clinical.LockedPrescription) pharmacy.LockedPrescription {
	return pharmacy.LockedPrescription{
		Patient: rx.Patient, Encounter: rx.Encounter, Item: rx.Medication, PrescribedBy: rx.PrescribedBy,
		Record: func(ctx context.Context, conn bun.IConn, quantity hmstype.Quantity) error {
			return p.clinical.RecordDispensed(ctx, conn, rx, quantity)
		},
	}
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

// notices are the laboratory's, as the inbox sends them. They say no value: who may read the patient's record reads it
// there.
type notices struct {
	inbox inbox.Port
}

func (n notices) Notify(ctx context.Context, conn bun.IConn, notice lab.Notice) error {
	in := inbox.NotifyInput{
		NotificationDetails: inbox.NotificationDetails{
			Category: "lab.corrected", Priority: inbox.PriorityUrgent,
			Title: "A laboratory result that you saw was corrected",
		},
		Patient: notice.Patient, Link: inbox.Link{Entity: "lab_order", ID: notice.Order.UUID()},
	}
	if notice.Withdrawn {
		in.Category, in.Title = "lab.withdrawn", "A laboratory result that you saw was withdrawn"
	}
	return n.inbox.Tell(ctx, conn, notice.To, in)
}
