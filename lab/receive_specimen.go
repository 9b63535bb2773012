package lab

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ReceiveSpecimenInput says that a specimen has come to the laboratory.
type ReceiveSpecimenInput struct {
	ID      hmstype.SpecimenID `json:"id"`      // required
	Version int64              `json:"version"` // the version that the caller read
	// zero means now; not before collection, not in the future
	ReceivedAt time.Time `json:"receivedAt,omitzero"`
}

// Validate implements the rules above.
func (in ReceiveSpecimenInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	return v.Err()
}

var opReceiveSpecimen = usecase.Command[ReceiveSpecimenInput, Specimen]{
	Name: "lab.receive_specimen", Permission: hmstype.PermLabEnter, Shows: specimens.One(),
	Sample: ReceiveSpecimenInput{Version: 1},
}.Declare()

// ReceiveSpecimen records the receipt; its items are then in progress.
// [hmstype.ErrStale], [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermLabEnter].
func (s *Service) ReceiveSpecimen(ctx context.Context, in ReceiveSpecimenInput) (Specimen, error) {
	return opReceiveSpecimen.Run(ctx, &s.base, in, receiveSpecimen)
}

func receiveSpecimen(ctx context.Context, db dbx.DB, in ReceiveSpecimenInput) (Specimen, error) {
	_, row, items, err := openSpecimen(ctx, db, in.ID, in.Version)
	if err != nil {
		return Specimen{}, err
	}
	at := db.Now
	if !in.ReceivedAt.IsZero() {
		at = hmstype.Instant(in.ReceivedAt)
	}
	if at.After(db.Now) || at.Before(row.CollectedAt) {
		return Specimen{}, hmstype.Invalid("receivedAt", "must lie between collection and now")
	}
	received := dbx.Change[specimenRow, SpecimenStatus]{To: SpecimenReceived, Apply: func(row *specimenRow) error {
		row.ReceivedAt, row.ReceivedBy = at, db.By()
		return nil
	}}
	if err := dbx.Move(ctx, db, specimenSteps, &row, received); err != nil {
		return Specimen{}, err
	}
	for i := range items {
		if items[i].SpecimenID != row.ID || items[i].Status != ItemCollected {
			continue
		}
		if err := moveItem(ctx, db, &items[i], ItemInProgress, ""); err != nil {
			return Specimen{}, err
		}
	}
	return row.specimen(), nil
}
