-- The tenant of the transaction, NULL where none is set (then no row is visible). After a
-- transaction a local setting is '' and not NULL. Inlinable, hence no SET clause.
CREATE OR REPLACE FUNCTION hms.current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('hms.tenant', true), '')::uuid;

GRANT EXECUTE ON FUNCTION hms.current_tenant() TO hms_sealer;
