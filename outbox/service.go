package outbox

import (
	"github.com/chelal/hms/internal/usecase"
)

// Service delivers the events of the actor's tenant.
type Service struct {
	base usecase.Base
}

// New makes the service; hms.New calls it.
func New(base usecase.Base) *Service { return &Service{base: base} }
