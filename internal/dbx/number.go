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
