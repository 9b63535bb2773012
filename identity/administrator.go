package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// administratorExists asks for somebody who can let others in: an active user with a role
// that holds identity.manage.
const administratorExists = `SELECT EXISTS (SELECT 1 FROM hms.user_account AS u
	JOIN hms.user_role AS ur ON ur.tenant_id = u.tenant_id AND ur.user_id = u.id
	JOIN hms.role AS r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id
	WHERE u.tenant_id = $1 AND ur.tenant_id = $1 AND r.tenant_id = $1 AND u.status = 'active' AND r.permissions ? $2)`

// keepAdministrator does what may take the tenant's last administrator away, and refuses it
// where it would. Such use cases take turns: two administrators who remove each other at the same
// moment must not both succeed. A tenant that has none yet, and is set up by the host, may
// go on without.
func keepAdministrator[Out any](ctx context.Context, db dbx.DB, act func() (Out, error)) (Out, error) {
	var none Out
	if err := db.LockName(ctx, "administrators"); err != nil {
		return none, err
	}
	before, err := hasAdministrator(ctx, db)
	if err != nil {
		return none, err
	}
	out, err := act()
	if err != nil || !before {
		return out, err
	}
	after, err := hasAdministrator(ctx, db)
	if err == nil && !after {
		err = ErrLastAdministrator
	}
	return out, err
}

func hasAdministrator(ctx context.Context, db dbx.DB) (exists bool, err error) {
	err = db.QueryRow(ctx, administratorExists, db.Tenant(), string(hmstype.PermIdentityManage)).Scan(&exists)
	return exists, err
}
