package clinical

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// EncounterRecord is what another domain has on record of an encounter. It runs in the transaction in which the
// encounter is entered in error, which holds the encounter's row, so that nothing new begins in it.
type EncounterRecord interface {
	// Standing lists what cannot be taken back with the encounter but must be reversed by itself first, and keeps more
	// of it from coming until the transaction ends.
	Standing(
		ctx context.Context, conn bun.IConn, id hmstype.EncounterID, whose hmstype.PatientID,
	) ([]patient.Open, error)
	// TakeBack enters the rest in error. It is called where nothing stands.
	TakeBack(
		ctx context.Context, conn bun.IConn, id hmstype.EncounterID, whose hmstype.PatientID, reason string,
	) error
}

// takeBack enters in error what was recorded in a locked encounter. It refuses with a *[StandingError] while something
// of it was handed out, resulted or billed.
func (s *Service) takeBack(ctx context.Context, db dbx.DB, encounter encounterRow, why string) error {
	in := dbx.Equal("encounter_id", encounter.ID)
	rx, err := dbx.All[prescriptionRow](ctx, db, in, dbx.OrderBy("rx.id"), dbx.ForUpdate)
	if err != nil {
		return err
	}
	handedOut := slices.DeleteFunc(slices.Clone(rx), func(r prescriptionRow) bool { return r.DispensedQuantity == 0 })
	standing := patient.OpenOf(
		"prescription", handedOut, func(r prescriptionRow) hmstype.PrescriptionID { return r.ID },
	)
	for _, record := range s.ports.Records {
		more, err := record.Standing(ctx, db.Conn(), encounter.ID, encounter.PatientID)
		if err != nil {
			return err
		}
		standing = append(standing, more...)
	}
	if len(standing) > 0 {
		return &StandingError{Standing: standing}
	}
	for i := range rx {
		if rx[i].StopReason = why; rx[i].Status == PrescriptionEnteredInError {
			continue
		}
		step := dbx.Change[prescriptionRow, PrescriptionStatus]{To: PrescriptionEnteredInError, Reason: why}
		if err := dbx.Move(ctx, db, prescriptionSteps, &rx[i], step); err != nil {
			return err
		}
	}
	if err := takeBackFindings(ctx, db, in, why); err != nil {
		return err
	}
	for _, record := range s.ports.Records {
		if err := record.TakeBack(ctx, db.Conn(), encounter.ID, encounter.PatientID, why); err != nil {
			return err
		}
	}
	return nil
}

// takeBackFindings enters in error what was measured, found and written in an encounter.
func takeBackFindings(ctx context.Context, db dbx.DB, in dbx.Apply, why string) error {
	vitals, err := dbx.All[vitalsRow](ctx, db, in, dbx.OneOf("status", []VitalsStatus{VitalsFinal}), dbx.ForUpdate)
	for i := 0; err == nil && i < len(vitals); i++ {
		vitals[i].ErrorReason = why
		step := dbx.Change[vitalsRow, VitalsStatus]{To: VitalsEnteredInError, Reason: why}
		err = dbx.Move(ctx, db, vitalsSteps, &vitals[i], step)
	}
	if err != nil {
		return err
	}
	notes, err := dbx.All[noteRow](ctx, db, in, dbx.OneOf("status", []NoteStatus{NoteDraft, NoteSigned}), dbx.ForUpdate)
	for i := 0; err == nil && i < len(notes); i++ {
		notes[i].ErrorReason = why
		step := dbx.Change[noteRow, NoteStatus]{To: NoteEnteredInError, Reason: why}
		err = dbx.Move(ctx, db, noteSteps, &notes[i], step)
	}
	if err != nil {
		return err
	}
	problems, err := dbx.All[conditionRow](
		ctx, db, in, dbx.Where("c.verification_status <> ?", EnteredInError), dbx.ForUpdate,
	)
	for i := 0; err == nil && i < len(problems); i++ {
		problems[i].Verification, problems[i].ErrorReason = EnteredInError, why
		err = dbx.Update(ctx, db, &problems[i], conditionSteps.Columns...)
	}
	return err
}
