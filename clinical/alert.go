package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Conflict is a prescription that the patient takes, and against which an allergy speaks that is on record since then.
type Conflict struct {
	Patient      hmstype.PatientID
	Prescription hmstype.PrescriptionID
	Allergy      hmstype.AllergyID
	PrescribedBy hmstype.ActorRef
}

// Alerts tells who prescribed something of what speaks against it now. It runs in the use case's transaction.
type Alerts interface {
	TellPrescriber(ctx context.Context, conn bun.IConn, conflict Conflict) error
}

// alertPrescribers holds an allergy that begins to count against what is being taken, and tells who prescribed what it
// speaks against. The patient is locked: what is prescribed later is judged with the allergy.
func (s *Service) alertPrescribers(ctx context.Context, db dbx.DB, a allergyRow) error {
	if a.NoneKnown || !a.standing() {
		return nil
	}
	taken, err := beingTaken(ctx, db, a.PatientID)
	if err != nil || len(taken) == 0 {
		return err
	}
	known, err := loadKnowledge(ctx, db, safetyCase{allergies: []allergyRow{a}, taken: taken})
	if err != nil {
		return err
	}
	for _, rx := range taken {
		one := safetyCase{JudgeInput: JudgeInput{Medicine: rx.medicine()}, asked: true, allergies: []allergyRow{a}}
		if len((hmstype.Verdict{Checks: one.judge(known)}).Findings()) == 0 {
			continue
		}
		if err := s.alert(ctx, db, rx, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) alert(ctx context.Context, db dbx.DB, rx prescriptionRow, a allergyRow) error {
	if s.ports.Alerts != nil {
		err := s.ports.Alerts.TellPrescriber(ctx, db.Conn(), Conflict{
			Patient: rx.PatientID, Prescription: rx.ID, Allergy: a.ID, PrescribedBy: rx.CreatedBy,
		})
		if err != nil {
			return err
		}
	}
	return db.Emit(ctx, dbx.Event{Type: eventPrescriptionContradicted, ID: rx.ID,
		Data: map[string]string{"id": rx.ID.String(), "allergy": a.ID.String()}})
}
