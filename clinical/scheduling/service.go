package scheduling

import (
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ports are what this package needs of others.
type Ports struct {
	Patients   patient.Port // required
	Encounters Encounters   // required
}

// Service keeps the calendar of the actor's tenant.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it.
func New(base usecase.Base, ports Ports) *Service { return &Service{base: base, ports: ports} }
