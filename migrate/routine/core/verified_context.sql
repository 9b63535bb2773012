-- What the transaction says of its operation; see core/context. In hardened mode another stands in its place,
-- which believes what is signed only.
CREATE OR REPLACE FUNCTION hms.verified_context() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('hms.context', true), '');
