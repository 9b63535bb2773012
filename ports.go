package hms

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
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
		Patient: rx.Patient, Encounter: rx.Encounter, Medicine: rx.Medicine, PrescribedBy: rx.PrescribedBy,
		Record: func(ctx context.Context, conn bun.IConn, quantity hmstype.Quantity) error {
			return p.clinical.RecordDispensed(ctx, conn, rx, quantity)
		},
	}
}

// safety is the clinical record's, as the pharmacy asks for it, with the host's own knowledge.
type safety struct {
	clinical  clinical.Port
	formulary pharmacy.Port
	advisor   hmstype.SafetyAdvisor
}

func (s safety) Prepare(
	ctx context.Context, patient hmstype.PatientID, item hmstype.MedicationItemID, prescription hmstype.PrescriptionID,
) (pharmacy.Judge, error) {
	advice, err := s.clinical.Ask(ctx, s.advisor, s.formulary,
		clinical.AskInput{Patient: patient, Item: item, Prescription: prescription})
	return func(
		ctx context.Context, conn bun.IConn, patient hmstype.PatientID, medicine hmstype.Medicine,
		prescription hmstype.PrescriptionID,
	) (hmstype.Verdict, error) {
		in := clinical.JudgeInput{Patient: patient, Medicine: medicine, Prescription: prescription}
		return s.clinical.Judge(ctx, conn, in, advice)
	}, err
}

// alerts tell prescribers through the inbox.
type alerts struct {
	inbox inbox.Port
}

func (a alerts) TellPrescriber(ctx context.Context, conn bun.IConn, conflict clinical.Conflict) error {
	// Nobody to tell is no error: the event says it, too.
	_, err := a.inbox.Tell(ctx, conn, conflict.PrescribedBy.User, identity.RoleDoctor, inbox.NotifyInput{
		NotificationDetails: inbox.NotificationDetails{
			Category: "clinical.prescription_contradicted", Priority: inbox.PriorityUrgent,
			Title: "An allergy is on record that speaks against a prescription",
			Body:  "It was recorded after the prescription was written. Please look at both.",
		},
		Patient: conflict.Patient, Link: inbox.Link{Entity: "prescription", ID: conflict.Prescription.UUID()},
	})
	return err
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
	return n.inbox.TellEach(ctx, conn, notice.To, in)
}
