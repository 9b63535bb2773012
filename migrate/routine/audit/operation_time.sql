-- needs: core/context
-- The operation's instant, as the host's clock gave it; the database's own where SQL comes from
-- outside the library.
CREATE OR REPLACE FUNCTION hms.operation_time() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN coalesce(nullif(hms.context(7), '')::timestamptz, clock_timestamp());
