package dbx

import "context"

// LockName makes use cases take turns that concern the same thing, where the thing has no row
// to lock yet (a person who is being registered at two desks). It lasts until the
// transaction ends.
func (db DB) LockName(ctx context.Context, name string) error {
	_, err := db.Exec(ctx, `INSERT INTO hms.lock (tenant_id, name) VALUES ($1, $2)
		ON CONFLICT (tenant_id, name) DO UPDATE SET taken = lock.taken + 1`, db.Tenant(), name)
	return err
}
