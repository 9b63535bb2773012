package clinical

import (
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ports are what this package needs of others.
type Ports struct {
	Patients     patient.Port    // required
	Appointments scheduling.Port // required
	Formulary    Formulary       // nil: no item of a formulary is prescribed, only what is named
	Alerts       Alerts          // nil tells nobody
	// Advisor is the host's own knowledge of medicines, asked before the transaction; nil asks nobody.
	Advisor      hmstype.SafetyAdvisor
	Charges      charge.Poster // nil charges nothing
	FinishGuards []FinishGuard // asked in order
	// Records are asked in order when an encounter is entered in error: the laboratory's, then the money's.
	Records []EncounterRecord
	// ConsultationService is the service code that is charged for an encounter when it is
	// finished, unless the encounter names its own. Empty charges nothing.
	ConsultationService string
}

// Service keeps the medical record of the actor's tenant.
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
