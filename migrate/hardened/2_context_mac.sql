-- HMAC-SHA256 (RFC 2104) of what a host signed, in hexadecimal digits; NULL for a key that is not there. Only
-- hms.enter calls it.
CREATE OR REPLACE FUNCTION hms.context_mac(p_key text, p_text text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(p_text, 'UTF8'))), 'hex')
    FROM hms.context_key AS k WHERE k.id = p_key
$$;

REVOKE EXECUTE ON FUNCTION hms.context_mac(text, text) FROM hms_app;
