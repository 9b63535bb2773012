package billing

import (
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ports is what billing needs of others.
type Ports struct {
	// Patients tells who is a live patient and who pays for what is done on a day; required.
	Patients patient.Port
}

// Service keeps charges, bills, payments and the ledger.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; it does no I/O.
func New(base usecase.Base, ports Ports) *Service { return &Service{base: base, ports: ports} }
