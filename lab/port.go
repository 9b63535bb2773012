package lab

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Port is what other services ask of orders inside the transaction of a use case that asked for its permission. Only
// hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// OpenFor lists the orders of a patient that are not over. It implements [patient.OpenSource].
func (p Port) OpenFor(ctx context.Context, conn bun.IConn, who hmstype.PatientID) ([]patient.Open, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[orderRow](ctx, db, dbx.Equal("patient_id", who),
		dbx.OneOf("status", []OrderStatus{OrderDraft, OrderActive, OrderOnHold}), dbx.OrderBy("o.created_at", "o.id"))
	return patient.OpenOf("lab_order", rows, func(r orderRow) hmstype.LabOrderID { return r.ID }), dbx.Map(err)
}

// WardSource tells in which ward a patient lies; the zero id where he lies in none. Package facility
// implements it.
type WardSource interface {
	PatientWard(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (hmstype.WardID, error)
}

// EncounterSource tells whose an encounter is and whether it is still open. Package
// clinical implements it.
type EncounterSource interface {
	EncounterPatient(
		ctx context.Context, conn bun.IConn, id hmstype.EncounterID,
	) (patient hmstype.PatientID, open bool, err error)
}
