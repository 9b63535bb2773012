package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// FinishGuard may refuse that an encounter is finished, for instance because the patient
// still lies in a bed. It runs in the use case's transaction.
type FinishGuard interface {
	BeforeFinish(ctx context.Context, conn bun.IConn, encounter hmstype.EncounterID) error
}

// Ports are what this package needs of others.
type Ports struct {
	Patients     patient.Port  // required
	Charges      charge.Poster // nil charges nothing
	FinishGuards []FinishGuard // asked in order
	// ConsultationService is the service code that is charged for an encounter when it is
	// finished, unless the encounter names its own. Empty charges nothing.
	ConsultationService string
}

// Service keeps the calendar and the record of the actor's tenant.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it.
func New(base usecase.Base, ports Ports) *Service {
	if ports.Charges == nil {
		ports.Charges = charge.None{}
	}
	return &Service{base: base, ports: ports}
}
