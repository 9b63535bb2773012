package facility

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what other services ask of stays inside the transaction of a use case that
// asked for its permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// BeforeFinish refuses to finish an encounter whose patient lies in a bed of ours. It runs
// in the caller's transaction.
func (p Port) BeforeFinish(ctx context.Context, conn bun.IConn, encounter hmstype.EncounterID) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	lies, err := dbx.Exists[stayRow](ctx, db, dbx.Equal("encounter_id", encounter), dbx.Equal("status", StayActive))
	if err == nil && lies {
		err = ErrStillInBed
	}
	return dbx.Map(err)
}

// PatientWard gives the ward in which a patient lies now; the zero id where he lies in none. It runs in
// the caller's transaction.
func (p Port) PatientWard(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (hmstype.WardID, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.WardID{}, err
	}
	rows, err := dbx.All[stayRow](ctx, db, dbx.Equal("patient_id", id), dbx.Equal("status", StayActive), dbx.Limit(1))
	if err != nil || len(rows) == 0 {
		return hmstype.WardID{}, dbx.Map(err)
	}
	return rows[0].WardID, nil
}

// EncounterSource tells whose an encounter is and whether it is open. It runs in the
// use case's transaction.
type EncounterSource interface {
	// PatientOf tells whose it is and locks nothing.
	PatientOf(ctx context.Context, conn bun.IConn, id hmstype.EncounterID) (hmstype.PatientID, error)
	// EncounterPatient keeps the encounter from being finished until the transaction ends.
	EncounterPatient(
		ctx context.Context, conn bun.IConn, id hmstype.EncounterID,
	) (patient hmstype.PatientID, open bool, err error)
}
