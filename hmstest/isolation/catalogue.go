package isolation

import (
	"maps"
	"slices"
)

// ours is the relations of the schema and what inherits from them, wherever that lies.
const ours = `WITH RECURSIVE ours AS (
	SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p', 'f')
	UNION SELECT i.inhrelid FROM pg_inherits AS i JOIN ours AS o ON o.oid = i.inhparent),
tenanted AS (
	SELECT c.oid, c.relname, c.relkind, c.relacl, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
	       EXISTS (SELECT 1 FROM pg_inherits AS i WHERE i.inhrelid = c.oid) AS is_part,
	       c.oid::regclass::text AS name
	FROM ours AS o JOIN pg_class AS c ON c.oid = o.oid WHERE c.oid NOT IN (coalesce(to_regclass('hms.migration'), 0::oid),
		coalesce(to_regclass('hms.context_key'), 0::oid))) `

// catalogueRules are what the catalogue must say. Each query gives a row per breach: the
// object that breaks the rule.
var catalogueRules = map[string]string{
	"has no column tenant_id uuid NOT NULL": `SELECT t.name FROM tenanted AS t WHERE NOT EXISTS (SELECT 1
		FROM pg_attribute AS a
		WHERE a.attrelid = t.oid AND a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype AND a.attnotnull)`,
	"row-level security is not on and forced": `SELECT t.name FROM tenanted AS t WHERE NOT (t.relrowsecurity
		AND t.relforcerowsecurity)`,

	// A restrictive policy can only narrow, so a host may add one. The scheduler's names the tenants,
	// the trail's lets functions of the owner add, and the owner lists what became of all tenants.
	"its permissive policy is not the tenant's alone": `SELECT t.name FROM tenanted AS t
		WHERE (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = t.oid AND p.polpermissive
			AND NOT (p.polname = 'tenant_list' AND p.polcmd = 'r' AND t.name = 'hms.tenant'
				AND p.polroles = ARRAY['hms_scheduler'::regrole::oid])
			AND NOT (p.polname = 'trail_writer' AND p.polcmd = 'a' AND t.name = 'hms.audit_event'
				AND p.polroles = ARRAY['hms_owner'::regrole::oid])
			AND NOT (p.polname = 'tenant_record_list' AND p.polcmd = 'r' AND t.name = 'hms.tenant_record'
				AND p.polroles = ARRAY['hms_owner'::regrole::oid])) <> 1
		OR NOT EXISTS (SELECT 1 FROM pg_policy AS p WHERE p.polrelid = t.oid AND p.polpermissive AND p.polcmd = '*'
			AND p.polroles = '{0}'
			AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = hms.current_tenant())'
			AND pg_get_expr(p.polwithcheck, p.polrelid) = '(tenant_id = hms.current_tenant())')`,
	"its primary key does not begin with the tenant": `SELECT t.name FROM tenanted AS t
		LEFT JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'p'
		LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.conkey[1]
			WHERE a.attname IS DISTINCT FROM 'tenant_id'`,
	"is unique without beginning with the tenant": `SELECT i.indexrelid::regclass::text FROM tenanted AS t
		JOIN pg_index AS i ON i.indrelid = t.oid
		LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
		WHERE (i.indisunique OR i.indisexclusion) AND a.attname IS DISTINCT FROM 'tenant_id'`,
	"excludes rows of other tenants": `SELECT k.conname FROM tenanted AS t JOIN pg_constraint AS k ON k.conrelid = t.oid
		WHERE k.contype = 'x' AND pg_get_constraintdef(k.oid) !~ '\(tenant_id WITH ='`,
	"is a foreign key that does not begin with the tenant on both sides": `SELECT k.conname FROM tenanted AS t
		JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'f'
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.conkey[1]
		JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
		WHERE a.attname <> 'tenant_id' OR b.attname <> 'tenant_id'`,
	"can be reached without its parent": `SELECT t.name FROM tenanted AS t
		CROSS JOIN (VALUES ('hms_app'), ('hms_sealer')) AS r (role)
		WHERE t.is_part AND (has_table_privilege(r.role, t.oid,
			'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
			OR has_any_column_privilege(r.role, t.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))`,
	"the application's role may more than rows": `SELECT t.name FROM tenanted AS t
		CROSS JOIN (VALUES ('hms_app'), ('hms_sealer')) AS r (role)
		WHERE has_table_privilege(r.role, t.oid, 'TRUNCATE, REFERENCES, TRIGGER')
			OR has_any_column_privilege(r.role, t.oid, 'REFERENCES')`,
	"the application's role may change whole rows, or their tenant": `SELECT t.name FROM tenanted AS t
		CROSS JOIN (VALUES ('hms_app'), ('hms_sealer')) AS r (role)
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
		WHERE has_column_privilege(r.role, t.oid, a.attnum, 'UPDATE')`,
	"the scheduler sees more than tenants' ids": `SELECT t.name || '.' || a.attname FROM tenanted AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid CROSS JOIN LATERAL aclexplode(a.attacl) AS x
		WHERE x.grantee = 'hms_scheduler'::regrole AND (t.name, a.attname) <> ('hms.tenant', 'tenant_id')
		UNION ALL SELECT t.name FROM tenanted AS t CROSS JOIN LATERAL aclexplode(t.relacl) AS x
		WHERE x.grantee = 'hms_scheduler'::regrole`,
	"may be granted on": `SELECT t.name FROM tenanted AS t
		CROSS JOIN LATERAL aclexplode(t.relacl) AS a WHERE a.is_grantable AND a.grantee <> t.relowner`,
	"has a rule, which runs as the table's owner": `SELECT t.name FROM tenanted AS t
		JOIN pg_rewrite AS w ON w.ev_class = t.oid`,
	"is a foreign table, which row-level security does not bind": `SELECT t.name FROM tenanted AS t WHERE t.relkind = 'f'`,
	"is a materialised view, which row-level security does not bind": `SELECT c.oid::regclass::text FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'hms' AND c.relkind = 'm'`,
	"is a view that runs as its owner": `SELECT c.oid::regclass::text FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind = 'v' AND NOT EXISTS (SELECT 1 FROM pg_options_to_table(c.reloptions) AS o
			WHERE o.option_name = 'security_invoker' AND o.option_value::boolean)`,
	"is a sequence, which counts all tenants' rows": `SELECT c.oid::regclass::text FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind = 'S'`,
	"is granted to everybody": `SELECT c.oid::regclass::text FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
			CROSS JOIN LATERAL aclexplode(c.relacl) AS a WHERE n.nspname = 'hms' AND a.grantee = 0
		UNION SELECT c.oid::regclass || '.' || f.attname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
			JOIN pg_attribute AS f ON f.attrelid = c.oid CROSS JOIN LATERAL aclexplode(f.attacl) AS a WHERE n.nspname = 'hms'
				AND a.grantee = 0
		UNION SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
			CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE n.nspname = 'hms'
				AND a.grantee = 0
		UNION SELECT 'the schema ' || n.nspname FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
			WHERE n.nspname = 'hms' AND a.grantee = 0
		UNION SELECT 'what will be created in the schema hms' FROM pg_default_acl AS d
			JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
			CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a WHERE n.nspname = 'hms' AND a.grantee = 0`,
	"runs as its owner without a fixed search_path": `SELECT p.oid::regprocedure::text FROM pg_proc AS p
		JOIN pg_namespace AS n ON n.oid = p.pronamespace
		WHERE n.nspname = 'hms' AND p.prosecdef AND NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) AS c
			WHERE c LIKE 'search\_path=%')`,
	"runs as an owner whom row-level security does not bind": `SELECT p.oid::regprocedure::text FROM pg_proc AS p
		JOIN pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_roles AS o ON o.oid = p.proowner
		WHERE n.nspname = 'hms' AND p.prosecdef AND (o.rolsuper OR o.rolbypassrls)`,
	"changes schemas, and the application may call it": `SELECT p.oid::regprocedure::text FROM pg_proc AS p
		JOIN pg_namespace AS n ON n.oid = p.pronamespace
		WHERE n.nspname = 'hms' AND has_function_privilege('hms_app', p.oid, 'EXECUTE')
		AND p.prosrc ~* '\m(CREATE|ALTER|DROP)\s+(TABLE|POLICY|TRIGGER)\M'`,

	// Such a function is run on rows before the policy has hidden them.
	"calls itself leakproof": `SELECT p.oid::regprocedure::text FROM pg_proc AS p
		JOIN pg_namespace AS n ON n.oid = p.pronamespace
		WHERE p.proleakproof AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
	"belongs to a role that only uses it": `SELECT t.name FROM tenanted AS t JOIN pg_roles AS r ON r.oid = t.relowner
			WHERE r.rolname IN ('hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup')
		UNION SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
			JOIN pg_roles AS r ON r.oid = p.proowner WHERE n.nspname = 'hms'
				AND r.rolname IN ('hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup')
		UNION SELECT 'the schema ' || n.nspname FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
			WHERE n.nspname = 'hms' AND r.rolname IN ('hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup')`,
	"may create in the schema": `SELECT r.rolname FROM pg_roles AS r
		WHERE r.rolname IN ('hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup')
		AND has_schema_privilege(r.oid, 'hms', 'CREATE')`,
	"has a power that no guard stops": `SELECT r.rolname FROM pg_roles AS r
		WHERE r.rolname IN ('hms_app', 'hms_sealer', 'hms_scheduler', 'hms_owner')
		AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)`,
	"is a member of another role": `SELECT m.rolname || ' in ' || g.rolname FROM pg_roles AS m
		JOIN pg_roles AS g ON g.oid <> m.oid
		WHERE m.rolname IN ('hms_app', 'hms_sealer', 'hms_scheduler') AND pg_has_role(m.oid, g.oid, 'MEMBER')`,
	"may write a backup's source": `SELECT t.name FROM tenanted AS t JOIN pg_roles AS r ON r.rolname = 'hms_backup'
		WHERE has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')`,
	"is for the library's own roles": `SELECT p.oid::regprocedure::text FROM pg_proc AS p
		JOIN pg_namespace AS n ON n.oid = p.pronamespace
		JOIN pg_roles AS r ON r.rolname = 'hms_backup' WHERE n.nspname = 'hms'
			AND has_function_privilege(r.oid, p.oid, 'EXECUTE')`,
}

// checkCatalogue holds the catalogue against the rules.
func (s *siege) checkCatalogue() error {
	for _, rule := range slices.Sorted(maps.Keys(catalogueRules)) {
		objects, err := s.asks(s.hostile, ours+catalogueRules[rule])
		if err != nil {
			return err
		}
		if len(objects) == 0 {
			s.check(true, "", "")
		}
		for _, object := range objects {
			s.check(false, object, "%s", rule)
		}
	}
	return nil
}
