-- needs: core/verified_context
-- A part of what the transaction says of its operation, by its number, which internal/dbx knows as well:
-- 1 the actor, 2 his credential, 3 the request, 4 the purpose, 5 the operation, 6 whether restricted records
-- are shown, 7 the instant. Empty where it is not said, as outside the library. In hardened mode it asks what no
-- parallel worker is asked.
CREATE OR REPLACE FUNCTION hms.context(p_part integer) RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN split_part(hms.verified_context(), chr(31), p_part);
