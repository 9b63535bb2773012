package sealed

import (
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/internal/usecase"
)

// Service seals, verifies and proves the trail of the actor's tenant.
type Service struct {
	base   usecase.Base
	config Config
	trail  audit.Port
}

// New makes the service; hms.New calls it. The zero Config seals nothing.
func New(base usecase.Base, config Config) *Service {
	return &Service{base: base, config: config.withDefaults(), trail: audit.NewPort(base)}
}
