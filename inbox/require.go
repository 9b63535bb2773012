package inbox

import (
	"context"
	"errors"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// widened gives a rule that shows or allows more to an actor who holds a wider permission than
// the one that its use case requires; fn is told whether he does. That is asked before the
// transaction, as [usecase.Base.Allows] says.
func widened[In, Out any](
	ctx context.Context, s *Service, wider hmstype.Permission, fn func(context.Context, dbx.DB, In, bool) (Out, error),
) func(context.Context, dbx.DB, In) (Out, error) {
	holds, err := s.base.Allows(ctx, wider)
	return func(ctx context.Context, db dbx.DB, in In) (Out, error) {
		if err != nil {
			var none Out
			return none, err
		}
		return fn(ctx, db, in, holds)
	}
}

// requireUser refuses an actor who has no user account, such as the host's scheduler: nothing
// waits for it, and nobody can ask it anything.
func requireUser(db dbx.DB) error {
	if db.Actor.User.IsZero() {
		return ErrUserRequired
	}
	return nil
}

// requireKnown refuses a patient whom the tenant does not have, and a record that was merged
// into another. An inactive record may still be written about; zero means nobody.
func (s *Service) requireKnown(ctx context.Context, db dbx.DB, id hmstype.PatientID) error {
	if id.IsZero() {
		return nil
	}
	_, err := s.ports.Patients.Require(ctx, db.Conn(), id)
	if errors.Is(err, patient.ErrInactive) {
		return nil
	}
	return err
}
