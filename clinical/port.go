package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what other services ask of encounters, prescriptions and allergies inside the transaction of a use case that
// asked for its permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

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
