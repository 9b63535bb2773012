package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// ReportItem is one test of a report with every version of its results.
type ReportItem struct {
	Item    Item     `json:"item"`
	Results []Result `json:"results"` // of each analyte the oldest version first; the last one counts
}

// Report is an order with its results (FHIR DiagnosticReport).
type Report struct {
	Order Order        `json:"order"`
	Items []ReportItem `json:"items"`
	// Withheld says that the patient's record is restricted and the actor may not see it; such a
	// report is refused, so nobody gets it with Withheld set.
	Withheld bool `json:"withheld,omitempty"`
}

var reports = usecase.Entity[Report]{
	Table:   "lab_order",
	Patient: func(r *Report) hmstype.PatientID { return r.Order.Patient },
	ID:      func(r *Report) string { return r.Order.ID.String() },
	Texts:   func(r *Report) []fieldcrypt.Record { return r.Order.texts() },
}

var opGetReport = usecase.Query[usecase.ByID[hmstype.LabOrderID], Report]{
	Name: "lab.get_report", Permission: hmstype.PermLabRead, Shows: reports.One(),
}.Declare()

// GetReport gives an order with all versions of its results, so that a corrected value stands
// beside the one that it replaced, and records that it was read.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetReport(ctx context.Context, id hmstype.LabOrderID) (Report, error) {
	return opGetReport.Run(ctx, &s.base, usecase.ID(id), report)
}

func report(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.LabOrderID]) (Report, error) {
	order, err := getOrder(ctx, db, in)
	if err != nil {
		return Report{}, err
	}
	ids := make([]hmstype.LabOrderItemID, len(order.Items))
	for i, item := range order.Items {
		ids[i] = item.ID
	}
	rows, err := versionsOf(ctx, db, ids)
	if err != nil {
		return Report{}, err
	}
	byItem := map[hmstype.LabOrderItemID][]Result{}
	for _, r := range rows {
		byItem[r.OrderItemID] = append(byItem[r.OrderItemID], r.result())
	}
	out := Report{Order: order, Items: make([]ReportItem, len(order.Items))}
	for i, item := range order.Items {
		out.Items[i] = ReportItem{Item: item, Results: byItem[item.ID]}
	}
	return out, nil
}
