package sealed

import (
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/internal/usecase"
)

// Ports are what the log needs from the trail.
type Ports struct {
	Trail audit.Port // required
}

// Service seals, verifies and proves the trail of the actor's tenant.
type Service struct {
	base   usecase.Base
	config Config
	ports  Ports
	cache  catalogueCache
	ids    idClock
}

// New makes the service; hms.New calls it. The zero Config seals nothing.
func New(base usecase.Base, ports Ports, config Config) *Service {
	return &Service{base: base, ports: ports, config: config.withDefaults()}
}
