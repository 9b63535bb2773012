package audit

import "github.com/chelal/hms/internal/usecase"

// Service answers questions to the trail of the actor's tenant.
type Service struct {
	base usecase.Base
}

// New makes the service; hms.New calls it.
func New(base usecase.Base) *Service { return &Service{base: base} }
