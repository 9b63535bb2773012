-- What an event is to the rules of retention; the same as audit.CategoryOf.
CREATE OR REPLACE FUNCTION hms.audit_category(p_action text, p_entity text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN p_action = 'export' OR p_entity = 'disclosure' THEN 'disclosure'
        WHEN p_action IN ('login', 'logout', 'login_failed', 'denied', 'verify', 'purge', 'import')
          OR p_entity IN ('break_glass', 'external_identity', 'legal_hold', 'retention_policy', 'role', 'user_account', 'user_role') THEN 'security'
        WHEN p_action IN ('read', 'search', 'matched') THEN 'access'
        ELSE 'change' END;
