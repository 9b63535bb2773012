package lab

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// EncounterSource tells whose an encounter is and whether it is still open. Package
// clinical implements it.
type EncounterSource interface {
	EncounterPatient(ctx context.Context, conn bun.IConn, id hmstype.EncounterID) (patient hmstype.PatientID, open bool, err error)
}

// DefaultEscalateAfter is how long a critical value may wait for a person before its case
// is escalated, and between two escalations. Accreditation asks for a stated time and leaves
// the figure to the laboratory.
const DefaultEscalateAfter = 30 * time.Minute

// Ports are what the laboratory needs of others, and its switches.
type Ports struct {
	// Patients is required.
	Patients patient.Port
	// Encounters is asked when an order names an encounter. Nil leaves that check to the
	// database's foreign key, which does not know whether the encounter is open.
	Encounters EncounterSource
	// Charges takes a charge per collected item. Nil charges nothing.
	Charges charge.Poster
	// EscalateCriticalAfter is the time of [DefaultEscalateAfter] where it is zero.
	EscalateCriticalAfter time.Duration
}

// Service keeps the catalogue, orders, specimens, results and critical values.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it. It does no I/O.
func New(base usecase.Base, ports Ports) *Service {
	if ports.Charges == nil {
		ports.Charges = charge.None{}
	}
	if ports.EscalateCriticalAfter <= 0 {
		ports.EscalateCriticalAfter = DefaultEscalateAfter
	}
	return &Service{base: base, ports: ports}
}

// chargeSource names an item's charge. It is the same for a specimen that is collected anew,
// so that a rejected one is not charged twice.
func chargeSource(item hmstype.LabOrderItemID) charge.Source {
	return charge.Source{Kind: "lab_order_item", ID: item.String()}
}

// reason checks the text that a step back must carry.
func reason(v *hmstype.Validator, text string) { v.Text(text, "reason", 1, 500) }

// checkPage notes what is wrong with a page.
func checkPage(v *hmstype.Validator, page hmstype.Page) {
	v.Nested("", page.Validate())
}
