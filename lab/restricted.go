package lab

import (
	"context"
	"errors"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
	"github.com/chelal/hms/patient"
)

// viewer decides whether the data of a restricted patient may be shown. The permission is asked for before
// the transaction begins: an Authorizer may need a connection of its own, and many callers
// that each hold one and wait for another would wait for ever.
type viewer struct {
	patients       *patient.Service
	seesRestricted bool
	refused        hmstype.PatientID // whose data were refused; zero for nobody's
}

// admit gives patient.ErrRestricted for a restricted record and an actor without the
// permission. Of a merged or inactive record the port does not tell whether it is restricted,
// so it counts as such.
func (v *viewer) admit(ctx context.Context, db dbx.DB, id hmstype.PatientID) error {
	summary, err := v.patients.Require(ctx, db.Conn(), id)
	hidden := errors.Is(err, patient.ErrMerged) || errors.Is(err, patient.ErrInactive)
	switch {
	case err != nil && !hidden:
		return err
	case v.seesRestricted, !hidden && !summary.Restricted:
		return nil
	}
	v.refused = id
	return patient.ErrRestricted
}

// readPatient runs a query that shows one patient's data. A refusal is recorded in a transaction that
// survives the rollback of the query's.
func readPatient[In service.Validator, Out any](
	ctx context.Context, s *Service, op service.Op, in In, fn func(context.Context, dbx.DB, *viewer, In) (Out, error),
) (Out, error) {
	v := &viewer{patients: s.ports.Patients}
	if actor, err := hmstype.ActorFrom(ctx); err == nil { // the query itself refuses whoever is nobody
		err = s.base.Authorizer.Authorize(ctx, actor, hmstype.PermPatientRestricted)
		v.seesRestricted = err == nil
		if err != nil && hmstype.KindOf(err) != hmstype.KindPermissionDenied {
			var none Out
			return none, &hmstype.Error{Op: op.Name, Err: dbx.Map(err)}
		}
	}
	out, err := service.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in In) (Out, error) {
		return fn(ctx, db, v, in)
	})
	if errors.Is(err, patient.ErrRestricted) {
		s.recordRefusal(ctx, op, v.refused)
	}
	return out, err
}

// refusalTimeout bounds the record of a refusal, which needs a connection of its own.
const refusalTimeout = 3 * time.Second

// recordRefusal notes that restricted data were asked for in vain. The caller is refused whether or
// not that succeeds.
func (s *Service) recordRefusal(ctx context.Context, op service.Op, id hmstype.PatientID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTimeout)
	defer cancel()
	err := s.base.DB.Unbound().InTx(ctx, op.Name, func(ctx context.Context, db dbx.DB) error {
		return db.RecordAccess(ctx, dbx.Access{Action: "denied", Entity: "patient", ID: id.String(), Patient: id})
	})
	if err != nil {
		s.base.Log.Error().Str("op", op.Name).Str("kind", string(hmstype.KindOf(dbx.Map(err)))).Msg("refusal not recorded")
	}
}
