package lab

import (
	"time"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Ports are what the laboratory needs of others, and its switches.
type Ports struct {
	// Patients is required.
	Patients patient.Port
	// Staff knows who is on duty. It is required.
	Staff identity.Port
	// Wards tells where a patient lies. Nil leaves an escalation to the whole house.
	Wards WardSource
	// Encounters is asked when an order names an encounter. Nil leaves that check to the
	// database's foreign key, which does not know whether the encounter is open.
	Encounters EncounterSource
	// Charges takes a charge per collected item. Nil charges nothing.
	Charges charge.Poster
	// Readers tells who saw a value that is corrected or withdrawn, and Notices tells them. Where either is nil,
	// nobody is told but by the outbox.
	Readers ReaderSource
	Notices Notifier
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
