package inbox

import (
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ports are what the inbox needs of others.
type Ports struct {
	// Patients is required.
	Patients patient.Port
	// Staff knows who is on duty. It is required.
	Staff identity.Port
}

// Service keeps notifications, tasks and messages.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it. It does no I/O.
func New(base usecase.Base, ports Ports) *Service { return &Service{base: base, ports: ports} }
