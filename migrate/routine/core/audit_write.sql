-- Writes one event. Who, why and under which request the transaction's context says, which is looked at once; outside
-- the library the actor is the database's own session. The instant and the transaction are the table's defaults:
-- nobody says them. It runs as the owner, within the triggers, and only functions of ours call it: an administrator's
-- SQL may have no tenant, and the row says whose event it is (policy trail_writer).
CREATE OR REPLACE FUNCTION hms.audit_write(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid, p_changes jsonb)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v text[] := string_to_array(hms.verified_context(), chr(31));
BEGIN
    INSERT INTO hms.audit_event (tenant_id, actor, credential, action, entity, entity_id, patient_id, operation, request_id, purpose, changes)
    VALUES (p_tenant, coalesce(nullif(v[1], ''), 'database:' || session_user), coalesce(v[2], ''), p_action, p_entity, p_entity_id, p_patient,
        coalesce(v[5], ''), coalesce(v[3], ''), coalesce(v[4], ''), p_changes);
END $$;

-- Who calls it by himself says what happened: that is the triggers' to say.
REVOKE EXECUTE ON FUNCTION hms.audit_write(uuid, text, text, text, uuid, jsonb) FROM hms_app;
