package patient

import (
	"github.com/chelal/hms/internal/usecase"
)

// Ports are what a change of a patient's record means to others; they run in its transaction, the patient's row being
// locked.
type Ports struct {
	Deaths []DeathFollower // told in order of a death; nil tells nobody
	Open   []OpenSource    // asked in order whether a record may go out of use; nil asks nobody
}

// Service keeps the patients of the actor's tenant.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it.
func New(base usecase.Base, ports Ports) *Service { return &Service{base: base, ports: ports} }
