package lab

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Specimen is what was drawn from a patient for items of one order (FHIR Specimen).
type Specimen struct {
	ID        hmstype.SpecimenID `json:"id"`
	Accession string             `json:"accession"` // the laboratory's number, unique in the tenant for ever
	Order     hmstype.LabOrderID `json:"order"`
	Patient   hmstype.PatientID  `json:"patient"`
	Type      string             `json:"type"` // as the tests ask for
	Status    SpecimenStatus     `json:"status"`
	// CollectedAt: UTC; when it was drawn, never when a label was printed.
	CollectedAt time.Time        `json:"collectedAt,omitzero"`
	ReceivedAt  time.Time        `json:"receivedAt,omitzero"` // UTC; zero before receipt
	ReceivedBy  hmstype.ActorRef `json:"receivedBy"`          // zero before receipt
	RejectedAt  time.Time        `json:"rejectedAt,omitzero"` // UTC; zero means not rejected
	RejectedBy  hmstype.ActorRef `json:"rejectedBy"`          // zero means not rejected
	// RejectCode: HL7 v2 table 0490, such as "RH" (haemolysed); may be empty.
	RejectCode   string           `json:"rejectCode,omitempty"`
	RejectReason string           `json:"rejectReason,omitempty"`
	CreatedBy    hmstype.ActorRef `json:"createdBy"`          // who drew it and said so
	CreatedAt    time.Time        `json:"createdAt,omitzero"` // UTC; when the draw was recorded
	Version      int64            `json:"version"`            // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants, the accession number and the type.
	Withheld bool `json:"withheld,omitempty"`
}

type specimenRow struct {
	bun.BaseModel `bun:"table:hms.lab_specimen,alias:sp"`
	dbx.Header[hmstype.SpecimenID]
	Accession      string
	OrderID        hmstype.LabOrderID
	PatientID      hmstype.PatientID
	SpecimenType   string
	Status         SpecimenStatus
	TwoIdentifiers bool
	PatientSex     Sex
	PatientBirth   hmstype.Date
	BirthPrecision patient.Precision
	CollectedAt    time.Time
	ReceivedAt     time.Time `bun:",nullzero"`
	ReceivedBy     hmstype.ActorRef
	RejectedAt     time.Time `bun:",nullzero"`
	RejectedBy     hmstype.ActorRef
	RejectCode     string
	RejectReason   string
}

func (r specimenRow) specimen() Specimen {
	return Specimen{
		ID: r.ID, Accession: r.Accession, Order: r.OrderID, Patient: r.PatientID, Type: r.SpecimenType,
		Status: r.Status, CollectedAt: r.CollectedAt.UTC(), ReceivedAt: r.ReceivedAt.UTC(),
		ReceivedBy: r.ReceivedBy, RejectedAt: r.RejectedAt.UTC(), RejectedBy: r.RejectedBy, RejectCode: r.RejectCode,
		RejectReason: r.RejectReason, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// specimens is what every use case that shows specimens shows of whom. A tube of a restricted
// patient is labelled and worked on like any other.
var specimens = usecase.Entity[Specimen]{
	Table:   "lab_specimen",
	Patient: func(s *Specimen) hmstype.PatientID { return s.Patient },
	ID:      func(s *Specimen) string { return s.ID.String() },
	Keep:    func(withheld, whole *Specimen) { withheld.Accession, withheld.Type = whole.Accession, whole.Type },
}

// specimenSteps is how a specimen changes its state. Its order's row is locked before.
var specimenSteps = dbx.Machine[specimenRow, SpecimenStatus]{
	Table: "lab_specimen", Transitions: SpecimenTransitions,
	State:   func(r *specimenRow) *SpecimenStatus { return &r.Status },
	Columns: []string{"received_at", "received_by", "rejected_at", "rejected_by", "reject_code", "reject_reason"},
	Event: func(r *specimenRow, _ SpecimenStatus) dbx.Event {
		if r.Status == SpecimenReceived {
			return dbx.Event{}
		}
		return specimenEvent(eventSpecimenRejected, *r)
	},
}

func specimenEvent(kind *dbx.EventType, row specimenRow) dbx.Event {
	return dbx.Event{Type: kind, ID: row.OrderID, Data: map[string]string{
		"specimen": row.ID.String(), "patient": row.PatientID.String(), "status": string(row.Status),
	}}
}

// openSpecimen locks a specimen's order and gives both with the order's items.
func openSpecimen(
	ctx context.Context, db dbx.DB, id hmstype.SpecimenID, version int64,
) (orderRow, specimenRow, []itemRow, error) {
	found, err := dbx.Get[specimenRow](ctx, db, "lab_specimen", id) // for its order, which comes first
	if err != nil {
		return orderRow{}, found, nil, err
	}
	order, err := lockOrder(ctx, db, found.OrderID)
	if err != nil {
		return order, found, nil, err
	}
	row, err := dbx.Get[specimenRow](ctx, db, "lab_specimen", id)
	if err != nil {
		return order, row, nil, err
	}
	if err := dbx.CheckVersion(&row, version); err != nil {
		return order, row, nil, err
	}
	items, err := itemsOf(ctx, db, row.OrderID)
	return order, row, items, err
}

var opGetSpecimenHistory = usecase.Query[usecase.ByID[hmstype.SpecimenID], hmstype.History]{
	Name: "lab.get_specimen_history", Permission: hmstype.PermLabRead, Shows: usecase.Histories("lab_specimen").One(),
}.Declare()

// GetSpecimenHistory gives the steps of a specimen from state to state, the oldest first.
// Permission: [hmstype.PermLabRead].
func (s *Service) GetSpecimenHistory(ctx context.Context, id hmstype.SpecimenID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.SpecimenID]("lab_specimen", specimenRow.subject)
	return opGetSpecimenHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r specimenRow) subject() hmstype.PatientID { return r.PatientID }
