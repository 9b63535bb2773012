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
type Port struct {
	base  usecase.Base
	ports Ports
}

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// With gives the port what the service has of others, which [Port.TakeBack] needs.
func (p Port) With(ports Ports) Port { return Port{base: p.base, ports: ports} }

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

// Standing locks the encounter's orders and lists the items that have results which nobody has withdrawn.
func (p Port) Standing(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, _ hmstype.PatientID,
) ([]patient.Open, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	orders, err := ordersIn(ctx, db, id)
	if err != nil {
		return nil, dbx.Map(err)
	}
	var standing []patient.Open
	for _, order := range orders {
		items, err := itemsOf(ctx, db, order.ID)
		if err != nil {
			return nil, dbx.Map(err)
		}
		for _, item := range items {
			current, err := currentResults(ctx, db, item.ID)
			if err != nil {
				return nil, dbx.Map(err)
			}
			if stands(current) {
				standing = append(standing, patient.Open{Entity: "lab_order_item", ID: item.ID.String()})
			}
		}
	}
	return standing, nil
}

// stands tells whether an item has a result that nobody has withdrawn.
func stands(current map[hmstype.LabAnalyteID]resultRow) bool {
	for _, r := range current {
		if !r.Status.withdrawn() {
			return true
		}
	}
	return false
}

// TakeBack enters the encounter's orders in error, as [Service.EnterOrderInError] does.
func (p Port) TakeBack(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, _ hmstype.PatientID, reason string,
) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	service := New(p.base, p.ports)
	orders, err := ordersIn(ctx, db, id)
	for i := 0; err == nil && i < len(orders); i++ {
		step := OrderStep{ID: orders[i].ID, Version: orders[i].Version, Reason: reason}
		_, err = service.stepOrder(ctx, db, step, OrderEnteredInError)
	}
	return dbx.Map(err)
}

// ordersIn locks the orders of an encounter that are not in error.
func ordersIn(ctx context.Context, db dbx.DB, id hmstype.EncounterID) ([]orderRow, error) {
	return dbx.All[orderRow](ctx, db, dbx.Equal("encounter_id", id), dbx.Where("o.status <> ?", OrderEnteredInError),
		dbx.OrderBy("o.id"), dbx.ForUpdate)
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
