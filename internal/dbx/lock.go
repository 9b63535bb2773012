package dbx

import (
	"context"
	"slices"
)

// LockName makes use cases take turns that concern the same thing, where the thing has no row
// to lock yet (a person who is being registered at two desks). It lasts until the
// transaction ends.
func (db DB) LockName(ctx context.Context, name string) error {
	_, err := db.Exec(ctx, `INSERT INTO hms.lock (tenant_id, name) VALUES ($1, $2)
		ON CONFLICT (tenant_id, name) DO UPDATE SET taken = lock.taken + 1`, db.Tenant(), name)
	return err
}

// LockNames is [DB.LockName] for several names, in their order: two use cases that lock some of the same do not
// wait for each other, as long as each locks all of its names at once.
func (db DB) LockNames(ctx context.Context, names ...string) error {
	names = slices.Clone(names)
	slices.Sort(names)
	_, err := db.Exec(ctx, `INSERT INTO hms.lock (tenant_id, name)
		SELECT $1, n.name FROM unnest($2::text[]) WITH ORDINALITY AS n (name, place) ORDER BY n.place
		ON CONFLICT (tenant_id, name) DO UPDATE SET taken = lock.taken + 1`, db.Tenant(), slices.Compact(names))
	return err
}
