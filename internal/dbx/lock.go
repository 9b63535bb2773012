package dbx

import "context"

// NextNumber gives the next value of the tenant's counter, from 1 on, without gaps: the
// counter's row stays locked until the use case commits, and a rollback gives the number back.
// Take it late in a use case, for every other use case that needs the counter waits.
func (db DB) NextNumber(ctx context.Context, counter string) (int64, error) {
	var n int64
	err := db.QueryRow(ctx, `INSERT INTO hms.counter (tenant_id, name, value) VALUES ($1, $2, 1)
		ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value`,
		db.Tenant(), counter).Scan(&n)
	return n, err
}

// LockName makes use cases take turns that concern the same thing, where the thing has no row
// to lock yet (a person who is being registered at two desks). It lasts until the
// transaction ends.
func (db DB) LockName(ctx context.Context, name string) error {
	_, err := db.Exec(ctx, `INSERT INTO hms.lock (tenant_id, name) VALUES ($1, $2)
		ON CONFLICT (tenant_id, name) DO UPDATE SET taken = lock.taken + 1`, db.Tenant(), name)
	return err
}
