package identity

import (
	"context"
	"sync"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// permissionTTL is how long a process may go on with permissions that were taken away
// elsewhere. One second keeps the query off the hot path and a revocation prompt.
const permissionTTL = time.Second

type permissionSet struct {
	allowed map[hmstype.Permission]struct{}
	until   time.Time
}

type permissionKey struct {
	tenant hmstype.TenantID
	user   hmstype.UserID
}

// permissionCache is shared by all copies of a service, bound or not.
type permissionCache struct {
	mu    sync.Mutex
	known map[permissionKey]permissionSet
}

func newPermissionCache() *permissionCache {
	return &permissionCache{known: map[permissionKey]permissionSet{}}
}

// maxCachedUsers bounds the cache; past it, it starts anew.
const maxCachedUsers = 10_000

func (c *permissionCache) get(key permissionKey, now time.Time) (permissionSet, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, ok := c.known[key]
	return set, ok && now.Before(set.until) && !now.Before(set.until.Add(-permissionTTL))
}

func (c *permissionCache) put(key permissionKey, set permissionSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxCachedUsers {
		clear(c.known)
	}
	c.known[key] = set
}

func (c *permissionCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
}

func (c *permissionCache) forget(ctx context.Context, user hmstype.UserID) {
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return // nobody acted, so nothing changed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, permissionKey{actor.Tenant, user})
}

// Authorize implements [hmstype.Authorizer] from the roles of active users. The host's own
// system actor holds every permission. A refusal is of kind permission denied.
func (s *Service) Authorize(ctx context.Context, actor hmstype.Actor, permission hmstype.Permission) error {
	if actor.Kind == hmstype.ActorSystem {
		return nil
	}
	key := permissionKey{actor.Tenant, actor.User}
	now := s.base.DB.Now()
	set, ok := s.cache.get(key, now)
	if !ok {
		allowed, err := s.loadPermissions(ctx, actor)
		if err != nil {
			return err
		}
		set = permissionSet{allowed: allowed, until: now.Add(permissionTTL)}
		if !s.base.DB.IsBound() { // a bound one may have read what is rolled back later
			s.cache.put(key, set)
		}
	}
	if _, ok := set.allowed[permission]; !ok {
		return hmstype.Denied(string(permission))
	}
	return nil
}

const userPermissions = `SELECT DISTINCT p.name
	FROM hms.user_account AS u
	JOIN hms.user_role AS ur ON ur.tenant_id = u.tenant_id AND ur.user_id = u.id
	JOIN hms.role AS r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id
	CROSS JOIN LATERAL jsonb_array_elements_text(r.permissions) AS p (name)
	WHERE u.tenant_id = $1 AND ur.tenant_id = $1 AND r.tenant_id = $1 AND u.id = $2 AND u.status = 'active'`

func (s *Service) loadPermissions(ctx context.Context, actor hmstype.Actor) (map[hmstype.Permission]struct{}, error) {
	allowed := map[hmstype.Permission]struct{}{}
	err := s.base.DB.InTx(ctx, "identity.authorize", func(ctx context.Context, db dbx.DB) error {
		clear(allowed)
		rows, err := db.Query(ctx, userPermissions, actor.Tenant, actor.User)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err below tells what matters
		for rows.Next() {
			var name hmstype.Permission
			if err := rows.Scan(&name); err != nil {
				return err
			}
			allowed[name] = struct{}{}
		}
		return rows.Err()
	})
	return allowed, dbx.Map(err)
}

func (s *Service) withAuthorizer() *Service {
	if s.base.Authorizer == nil {
		s.base.Authorizer = s
	}
	return s
}
