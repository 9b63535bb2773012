package lab

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// EncounterPort is what the laboratory has on record of an encounter, for the use case that enters that in error. Only
// hms.New can make one.
type EncounterPort struct{ service *Service }

// NewEncounterPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewEncounterPort(base usecase.Base, ports Ports) EncounterPort {
	return EncounterPort{New(base, ports)}
}

// Standing locks the encounter's orders and lists the items that have results which nobody has withdrawn.
func (p EncounterPort) Standing(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, _ hmstype.PatientID,
) ([]patient.Open, error) {
	db, err := p.service.base.DB.Join(ctx, conn)
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
func (p EncounterPort) TakeBack(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, _ hmstype.PatientID, reason string,
) error {
	db, err := p.service.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	orders, err := ordersIn(ctx, db, id)
	for i := 0; err == nil && i < len(orders); i++ {
		step := OrderStep{ID: orders[i].ID, Version: orders[i].Version, Reason: reason}
		_, err = p.service.stepOrder(ctx, db, step, OrderEnteredInError)
	}
	return dbx.Map(err)
}

// ordersIn locks the orders of an encounter that are not in error.
func ordersIn(ctx context.Context, db dbx.DB, id hmstype.EncounterID) ([]orderRow, error) {
	return dbx.All[orderRow](ctx, db, dbx.Equal("encounter_id", id), dbx.Where("o.status <> ?", OrderEnteredInError),
		dbx.OrderBy("o.id"), dbx.ForUpdate)
}
