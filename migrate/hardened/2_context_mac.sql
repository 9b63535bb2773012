-- HMAC-SHA256 (RFC 2104) of a context, in hexadecimal digits. p_use keeps what a host signed apart from what
-- hms.enter did. NULL for a key that is not there. Only the functions beside it call it.
CREATE OR REPLACE FUNCTION hms.context_mac(p_key text, p_use text, p_text text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(p_use || chr(31) || p_text, 'UTF8'))), 'hex')
        FROM hms.context_key AS k WHERE k.id = p_key);
END $$;

REVOKE EXECUTE ON FUNCTION hms.context_mac(text, text, text) FROM hms_app;
