package pharmacy

import (
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ports are what this package needs of others.
type Ports struct {
	Patients      patient.Port       // required
	Prescriptions PrescriptionSource // nil: nothing is dispensed on a prescription
	Safety        SafetyChecker      // nil: dispenses are marked as not checked
	Charges       charge.Poster      // nil charges nothing
}

// Service keeps the formulary and the stock of the actor's tenant.
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
