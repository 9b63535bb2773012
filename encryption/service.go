package encryption

import (
	"github.com/chelal/hms/internal/usecase"
)

// Service turns the keys of the actor's tenant.
type Service struct {
	base   usecase.Base
	config Config
}

// New makes the service; hms.New calls it.
func New(base usecase.Base, config Config) *Service { return &Service{base: base, config: config} }
