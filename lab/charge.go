package lab

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// chargeSource names an item's charge. It is the same for a specimen that is collected anew,
// so that a rejected one is not charged twice.
func chargeSource(item hmstype.LabOrderItemID) charge.Source {
	return charge.Source{Kind: "lab_order_item", ID: item.String()}
}

func (s *Service) chargeItems(
	ctx context.Context, db dbx.DB, order orderRow, items []itemRow, tests map[hmstype.LabTestID]testRow, at time.Time,
) error {
	for _, item := range items {
		test := tests[item.TestID]
		if test.ServiceCode == "" {
			continue
		}
		_, err := s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
			Source: chargeSource(item.ID), Patient: order.PatientID, Encounter: order.Encounter,
			Service: test.ServiceCode, Quantity: decimal.NewFromInt(1), At: at,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
