package clinical

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Port is what other services ask of encounters, prescriptions and allergies inside the transaction of a use case that
// asked for its permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// PatientOf tells whose encounter it is and locks nothing, for a use case that locks the patient first.
func (p Port) PatientOf(ctx context.Context, conn bun.IConn, id hmstype.EncounterID) (hmstype.PatientID, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.PatientID{}, err
	}
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id)
	return row.PatientID, err
}

// EncounterPatient tells whose encounter it is and whether it is open, for a use case of the
// caller's transaction; it locks the encounter against being finished meanwhile.
func (p Port) EncounterPatient(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID,
) (hmstype.PatientID, bool, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.PatientID{}, false, err
	}
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id, dbx.ForShare)
	return row.PatientID, row.open(), err
}

// CameOf tells whether an encounter came of an appointment that was not entered in error. It runs in the caller's
// transaction.
func (p Port) CameOf(ctx context.Context, conn bun.IConn, appointment hmstype.AppointmentID) (bool, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return false, err
	}
	return dbx.Exists[encounterRow](ctx, db, dbx.Equal("appointment_id", appointment),
		dbx.Where("e.status <> ?", EncounterEnteredInError))
}

// FinishGuard may refuse that an encounter is finished, for instance because the patient
// still lies in a bed. It runs in the use case's transaction.
type FinishGuard interface {
	BeforeFinish(ctx context.Context, conn bun.IConn, encounter hmstype.EncounterID) error
}

// Formulary knows the items that are handed out. It is asked in the use case's transaction.
type Formulary interface {
	// Medicine gives what an item is and whether it is handed out; [hmstype.ErrNotFound] where there is none.
	Medicine(ctx context.Context, conn bun.IConn, id hmstype.MedicationItemID) (hmstype.Medicine, bool, error)
}

// NotDispensableReason says why nothing is handed out on a prescription.
type NotDispensableReason string

// The reasons, in the order in which they are looked for.
const (
	NotDispensableInactive NotDispensableReason = "not-active" // it is on hold, stopped, cancelled, a draft or a mistake
	NotDispensableExpired  NotDispensableReason = "expired"    // its last day is over
	// more is wanted than is left; of a completed one nothing is
	NotDispensableExceeds NotDispensableReason = "exceeds"
)

// LockedPrescription is a prescription that nobody else touches until the transaction ends: what
// [Port.LockToDispense] and [Port.LockToTakeBack] judged, and [Port.RecordDispensed] writes.
type LockedPrescription struct {
	Patient      hmstype.PatientID
	Encounter    hmstype.EncounterID
	Medicine     hmstype.Medicine // its Item is zero where it was prescribed by name
	PrescribedBy hmstype.ActorRef

	row prescriptionRow
}

// LockToDispense locks a patient and his prescription and judges whether so much may be handed out on it today:
// *[NotDispensableError] says why not. The judgement holds until the caller's transaction ends, so
// what was handed out, which may be less, is then recorded without another.
func (p Port) LockToDispense(
	ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, wanted hmstype.Quantity,
) (LockedPrescription, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return LockedPrescription{}, err
	}
	seen, err := dbx.Get[prescriptionRow](ctx, db, "prescription", id)
	if err != nil {
		return LockedPrescription{}, err
	}
	if _, err := patient.NewPort(p.base).LockForCare(ctx, conn, seen.PatientID); err != nil {
		return LockedPrescription{}, err
	}
	locked, err := lockPrescription(ctx, db, id)
	if err != nil {
		return LockedPrescription{}, err
	}
	today, err := db.Today(ctx)
	if err != nil {
		return LockedPrescription{}, err
	}
	if refusal := locked.row.prescription().dispensable(today, wanted); refusal != nil {
		return locked, usecase.Told(ctx, db, locked.Patient, "prescription", id.String(), refusal)
	}
	return locked, nil
}

// LockToTakeBack locks a prescription of which something comes back. It may be in any state, and
// of any age.
func (p Port) LockToTakeBack(
	ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID,
) (LockedPrescription, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return LockedPrescription{}, err
	}
	return lockPrescription(ctx, db, id)
}

// RecordDispensed adds to what was handed out on a locked prescription; a negative quantity came
// back. It is completed when nothing is left, and active again when something is. It neither reads
// nor judges again: beyond what was judged the table's check refuses with [ErrOverDispensed]. A
// second record of the same lock is refused as stale.
func (p Port) RecordDispensed(
	ctx context.Context, conn bun.IConn, locked LockedPrescription, quantity hmstype.Quantity,
) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	row := locked.row
	record := func(row *prescriptionRow) error {
		row.DispensedQuantity += quantity
		return nil
	}
	step := dbx.Change[prescriptionRow, PrescriptionStatus]{Apply: record}
	left := row.prescription().Remaining() - quantity
	switch {
	case row.Status == PrescriptionActive && left == 0:
		step.To = PrescriptionCompleted
	case row.Status == PrescriptionCompleted && left > 0:
		step.To = PrescriptionActive
	default:
		_ = record(&row)
		return dbx.Map(dbx.Update(ctx, db, &row, "dispensed_quantity"))
	}
	return dbx.Map(dbx.Move(ctx, db, prescriptionSteps, &row, step))
}

// standing are the states of a prescription on which something may still be handed out.
var standing = []PrescriptionStatus{PrescriptionDraft, PrescriptionActive, PrescriptionOnHold}

// AfterDeath ends the prescriptions of a patient who has died, as [Service.StopPrescription] does. It implements
// [patient.DeathFollower].
func (p Port) AfterDeath(ctx context.Context, conn bun.IConn, who hmstype.PatientID, _ time.Time) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	rows, err := dbx.All[prescriptionRow](ctx, db, dbx.Equal("patient_id", who), dbx.OneOf("status", standing),
		dbx.OrderBy("rx.id"), dbx.ForUpdate)
	for i := 0; err == nil && i < len(rows); i++ {
		row := &rows[i]
		row.StopReason = "the patient has died"
		err = dbx.Move(ctx, db, prescriptionSteps, row, dbx.Change[prescriptionRow, PrescriptionStatus]{
			To: row.stopped(), Reason: row.StopReason,
		})
	}
	return dbx.Map(err)
}

// OpenFor lists the encounters and prescriptions of a patient that are not over. It implements [patient.OpenSource].
func (p Port) OpenFor(ctx context.Context, conn bun.IConn, who hmstype.PatientID) ([]patient.Open, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	encounters, err := dbx.All[encounterRow](ctx, db, dbx.Equal("patient_id", who),
		dbx.OneOf("status", append([]EncounterStatus{EncounterPlanned}, present...)), dbx.OrderBy("e.started_at", "e.id"))
	if err != nil {
		return nil, dbx.Map(err)
	}
	prescriptions, err := dbx.All[prescriptionRow](ctx, db, dbx.Equal("patient_id", who), dbx.OneOf("status", standing),
		dbx.OrderBy("rx.created_at", "rx.id"))
	return slices.Concat(
		patient.OpenOf("encounter", encounters, func(r encounterRow) hmstype.EncounterID { return r.ID }),
		patient.OpenOf("prescription", prescriptions, func(r prescriptionRow) hmstype.PrescriptionID { return r.ID }),
	), dbx.Map(err)
}

// Judge checks a medicine for a patient whose row the caller's transaction has locked, against what is recorded of his
// allergies and of what he takes, by names, codes and the knowledge that was loaded, and by what the host's own said of
// it; [hmstype.ErrStale] where that was asked of something else.
func (p Port) Judge(
	ctx context.Context, conn bun.IConn, in JudgeInput, advice Advice,
) (hmstype.Verdict, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.Verdict{}, err
	}
	return lockedJudge(ctx, db, in, advice)
}

// Ask asks a host's own knowledge outside of any transaction of ours, of what one of its own reads; a nil advisor is
// not asked. What cannot be found is asked of nobody, and the use case that follows says so.
func (p Port) Ask(
	ctx context.Context, advisor hmstype.SafetyAdvisor, formulary Formulary, in AskInput,
) (Advice, error) {
	return ask(ctx, p.base, advisor, func(ctx context.Context, db dbx.DB) (JudgeInput, error) {
		if !in.Prescription.IsZero() {
			rx, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.Prescription)
			if err != nil {
				return JudgeInput{}, err
			}
			if in.Patient = rx.PatientID; in.Item.IsZero() {
				in.Item = rx.Medication
			}
		}
		item, _, err := formulary.Medicine(ctx, db.Conn(), in.Item)
		return JudgeInput{Patient: in.Patient, Medicine: item, Prescription: in.Prescription}, err
	})
}
