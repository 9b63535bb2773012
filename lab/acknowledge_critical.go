package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AcknowledgeCriticalInput says that somebody knows of a critical value.
type AcknowledgeCriticalInput struct {
	ID hmstype.CriticalAlertID `json:"id"` // required
	// required, up to 2000 characters: who was told, how, what is done
	Comment  string `json:"comment"`
	ReadBack bool   `json:"readBack"` // the value was read back
}

// Validate implements the rules above.
func (in AcknowledgeCriticalInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Comment, "comment", 1, 2000)
	return v.Err()
}

var opAcknowledgeCritical = usecase.Command[AcknowledgeCriticalInput, CriticalAlert]{
	Name: "lab.acknowledge_critical", Permission: hmstype.PermLabAcknowledge, Shows: alerts.One(),
	Sample: AcknowledgeCriticalInput{Comment: "told Dr A by telephone, calcium given", ReadBack: true},
}.Declare()

// AcknowledgeCritical stops the clock of a case. The actor is who was told, and must be a
// person: [ErrPersonRequired]. A case is acknowledged once: [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermLabAcknowledge].
func (s *Service) AcknowledgeCritical(ctx context.Context, in AcknowledgeCriticalInput) (CriticalAlert, error) {
	return opAcknowledgeCritical.Run(ctx, &s.base, in, s.acknowledgeCritical)
}

func (s *Service) acknowledgeCritical(
	ctx context.Context, db dbx.DB, in AcknowledgeCriticalInput,
) (CriticalAlert, error) {
	said := AlertComments{Comment: in.Comment}
	return s.stepAlert(ctx, db, in.ID, AlertAcknowledged, &said, func(row *alertRow) error {
		row.AcknowledgedBy, row.AcknowledgedAt = db.By(), db.Now
		row.Comment, row.ReadBack = said.Comment, in.ReadBack
		return nil
	})
}

// CloseCriticalInput ends a case.
type CloseCriticalInput struct {
	ID       hmstype.CriticalAlertID `json:"id"`       // required
	Comment  string                  `json:"comment"`  // required, up to 2000 characters
	ReadBack bool                    `json:"readBack"` // the value was read back since it was acknowledged
}

// Validate implements the rules above.
func (in CloseCriticalInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Comment, "comment", 1, 2000)
	return v.Err()
}

var opCloseCritical = usecase.Command[CloseCriticalInput, CriticalAlert]{
	Name: "lab.close_critical", Permission: hmstype.PermLabAcknowledge, Shows: alerts.One(),
	Sample: CloseCriticalInput{Comment: "potassium 5.0 on repeat", ReadBack: true},
}.Declare()

// CloseCritical ends a case that is acknowledged and read back, then or now: [ErrReadBack].
// The actor must be a person: [ErrPersonRequired].
// Permission: [hmstype.PermLabAcknowledge].
func (s *Service) CloseCritical(ctx context.Context, in CloseCriticalInput) (CriticalAlert, error) {
	return opCloseCritical.Run(ctx, &s.base, in, s.closeCritical)
}

func (s *Service) closeCritical(ctx context.Context, db dbx.DB, in CloseCriticalInput) (CriticalAlert, error) {
	said := AlertComments{ClosingComment: in.Comment}
	return s.stepAlert(ctx, db, in.ID, AlertClosed, &said, func(row *alertRow) error {
		row.ReadBack = row.ReadBack || in.ReadBack
		if !row.ReadBack {
			return ErrReadBack
		}
		row.ClosedBy, row.ClosedAt, row.ClosingComment = db.By(), db.Now, said.ClosingComment
		return nil
	})
}

// stepAlert takes a step of a case by a person; what he said is sealed before apply.
func (s *Service) stepAlert(
	ctx context.Context, db dbx.DB, id hmstype.CriticalAlertID, to AlertStatus,
	said *AlertComments, apply func(*alertRow) error,
) (CriticalAlert, error) {
	if db.Actor.Kind != hmstype.ActorHuman {
		return CriticalAlert{}, ErrPersonRequired
	}
	step := dbx.Change[alertRow, AlertStatus]{To: to, Apply: func(row *alertRow) error {
		if err := alertTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, said); err != nil {
			return err
		}
		return apply(row)
	}}
	row, err := dbx.Step(ctx, db, alertSteps, id, step)
	return row.alert(), err
}
