package dbx_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// benchTables make two tables of one shape and content, a hundred tenants in each: one under
// row-level security, one without.
const benchTables = `
CREATE TABLE hms.bench_walled (tenant_id uuid NOT NULL, id bigint NOT NULL, status text NOT NULL, name text NOT NULL,
PRIMARY KEY (tenant_id, id));
CREATE INDEX bench_walled_status_idx ON hms.bench_walled (tenant_id, status, id);
CREATE TABLE hms.bench_open (LIKE hms.bench_walled INCLUDING ALL);
INSERT INTO hms.bench_walled SELECT tenant, i, (ARRAY['a','b','c','d'])[1 + i % 4], 'name ' || i
	FROM (SELECT CASE WHEN t = 0 THEN '$tenant'::uuid ELSE gen_random_uuid() END AS tenant
	FROM generate_series(0, 99) AS t OFFSET 0) AS tenants, generate_series(1, 2000) AS i;
INSERT INTO hms.bench_open SELECT * FROM hms.bench_walled;
SELECT hms.secure_table('bench_walled', 'SELECT');
GRANT SELECT ON hms.bench_open TO hms_app;
ANALYZE hms.bench_walled; ANALYZE hms.bench_open;`

// BenchmarkRowLevelSecurity reads by key, a page by index, and all rows of the tenant, in one
// transaction as every use case does; both tables' queries name the tenant.
func BenchmarkRowLevelSecurity(b *testing.B) {
	env := dbtest.NewDurable(b)
	_, err := env.DB.NewRaw(strings.ReplaceAll(benchTables, "$tenant", env.Tenant.String())).Exec(b.Context())
	require.NoError(b, err)
	for _, query := range []struct{ name, where string }{
		{"point", `AND id = 77`},
		{"page", `AND status = 'b' AND id > 500 ORDER BY id LIMIT 50`},
		{"scan", `AND name <> 'name 3'`},
	} {
		for _, table := range []string{"open", "walled"} {
			b.Run(query.name+"/"+table, func(b *testing.B) {
				for b.Loop() {
					require.NoError(b, env.Base.DB.InTx(env.Ctx, "bench", func(ctx context.Context, db dbx.DB) error {
						for range 20 { // so that the transaction itself does not hide the query
							if err := drain(
								ctx, db, `SELECT id, name FROM hms.bench_`+table+` WHERE tenant_id = $1 `+query.where,
							); err != nil {
								return err
							}
						}
						return nil
					}))
				}
			})
		}
	}
}

func drain(ctx context.Context, db dbx.DB, query string) error {
	rows, err := db.Query(ctx, query, db.Tenant())
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
	}
	return rows.Err()
}

// BenchmarkTransaction is what a use case pays before it does anything: BEGIN with its
// settings and COMMIT, beside a plain transaction.
func BenchmarkTransaction(b *testing.B) {
	env := dbtest.NewDurable(b)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			tx, err := env.DB.DB.BeginTx(b.Context(), nil)
			require.NoError(b, err)
			_, err = tx.ExecContext(b.Context(), `SELECT 1`)
			require.NoError(b, err)
			require.NoError(b, tx.Commit())
		}
	})
	b.Run("use-case", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, env.Base.DB.InTx(env.Ctx, "bench", func(ctx context.Context, db dbx.DB) error {
				_, err := db.Exec(ctx, `SELECT 1`)
				return err
			}))
		}
	})
}

// BenchmarkHostTransaction is what a use case pays that joins a host's transaction, with the
// binding, by the kind of that.
func BenchmarkHostTransaction(b *testing.B) {
	for _, way := range dbtest.WaysToJoin {
		b.Run(way.Name, func(b *testing.B) {
			env := dbtest.NewDurable(b)
			host := way.Begin(b, env.DB, env.DSN)
			for b.Loop() {
				require.NoError(b, host.Bind(env.Base.DB).InTx(env.Ctx, "bench", func(ctx context.Context, db dbx.DB) error {
					_, err := db.Exec(ctx, `SELECT 1`)
					return err
				}))
			}
			require.NoError(b, host.Rollback())
		})
	}
}
