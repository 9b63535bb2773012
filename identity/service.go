package identity

import (
	"github.com/chelal/hms/internal/service"
)

// Service keeps tenants, users and roles, and answers who may do what.
type Service struct {
	base  service.Base
	cache *permissionCache
}

// New makes the service; hms.New calls it. The base's Authorizer may be nil: then the
// service asks itself.
func New(base service.Base) *Service {
	s := &Service{base: base, cache: newPermissionCache()}
	return s.withAuthorizer()
}

// Bind gives the service that executes on the base's transaction and shares what was learnt of
// permissions.
func (s *Service) Bind(base service.Base) *Service {
	bound := &Service{base: base, cache: s.cache}
	return bound.withAuthorizer()
}

func (s *Service) withAuthorizer() *Service {
	if s.base.Authorizer == nil {
		s.base.Authorizer = s
	}
	return s
}
