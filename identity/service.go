package identity

import (
	"github.com/chelal/hms/internal/usecase"
)

// Service keeps tenants, users and roles, and answers who may do what.
type Service struct {
	base     usecase.Base
	config   Config
	cache    *permissionCache
	sessions *sessionCache
	hasher   *hasher
}

// New makes the service; hms.New calls it. The base's Authorizer may be nil: then the
// service asks itself.
func New(base usecase.Base, config Config) *Service {
	config = config.withDefaults()
	s := &Service{
		base: base, config: config, cache: newPermissionCache(), sessions: newSessionCache(), hasher: newHasher(config),
	}
	return s.withAuthorizer()
}

// Bind gives the service that executes on the base's transaction and shares what was learnt of
// permissions.
func (s *Service) Bind(base usecase.Base) *Service {
	bound := *s
	bound.base = base
	return bound.withAuthorizer()
}
