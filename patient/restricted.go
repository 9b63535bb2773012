package patient

import (
	"context"
	"errors"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// viewer decides on the restricted records of one use case. The permission is asked for
// before the transaction begins: an Authorizer may need a connection of its own, and many
// callers that each hold one and wait for another would wait for ever.
type viewer struct {
	service        *Service
	seesRestricted bool
	refused        hmstype.PatientID // whose record was refused; zero for nobody's
}

func (s *Service) viewer(ctx context.Context) (*viewer, error) {
	v := &viewer{service: s}
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return v, nil //nolint:nilerr // the use case itself refuses whoever is nobody
	}
	err = s.base.Authorizer.Authorize(ctx, actor, hmstype.PermPatientRestricted)
	v.seesRestricted = err == nil
	if hmstype.KindOf(err) == hmstype.KindPermissionDenied {
		err = nil
	}
	return v, err
}

// admit gives [ErrRestricted] for a record that the actor may not see.
func (v *viewer) admit(id hmstype.PatientID, restricted bool) error {
	if !restricted || v.seesRestricted {
		return nil
	}
	v.refused = id
	return ErrRestricted
}

// refusalTimeout bounds the record of a refusal, which needs a connection of its own.
const refusalTimeout = 3 * time.Second

// done records a refusal in a transaction that survives the rollback of the deed.
func (v *viewer) done(ctx context.Context, op service.Op, err error) error {
	if !errors.Is(err, ErrRestricted) || v.refused.IsZero() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTimeout)
	defer cancel()
	base := v.service.base
	failure := base.DB.Unbound().InTx(ctx, op.Name, func(ctx context.Context, db dbx.DB) error {
		return db.RecordAccess(ctx, dbx.Access{Action: "denied", Entity: "patient", ID: v.refused.String(), Patient: v.refused})
	})
	if failure != nil {
		base.Log.Error().Str("op", op.Name).Str("kind", string(hmstype.KindOf(dbx.Map(failure)))).Msg("refusal not recorded")
	}
	return err
}

// read runs a query that may meet restricted records.
func read[In service.Validator, Out any](
	ctx context.Context, s *Service, op service.Op, in In, fn func(context.Context, dbx.DB, *viewer, In) (Out, error),
) (Out, error) {
	v, err := s.viewer(ctx)
	if err != nil {
		var none Out
		return none, &hmstype.Error{Op: op.Name, Err: dbx.Map(err)}
	}
	out, err := service.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in In) (Out, error) {
		return fn(ctx, db, v, in)
	})
	return out, v.done(ctx, op, err)
}

// write runs a command that may meet restricted records.
func write[In service.Validator, Out any](
	ctx context.Context, s *Service, op service.Op, in In, fn func(context.Context, dbx.DB, *viewer, In) (Out, error),
) (Out, error) {
	v, err := s.viewer(ctx)
	if err != nil {
		var none Out
		return none, &hmstype.Error{Op: op.Name, Err: dbx.Map(err)}
	}
	out, err := service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in In) (Out, error) {
		return fn(ctx, db, v, in)
	})
	return out, v.done(ctx, op, err)
}
