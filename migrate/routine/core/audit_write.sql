-- Writes one event. Who, why and under which request the transaction's context says, which is looked at once.
CREATE OR REPLACE FUNCTION hms.audit_write(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid, p_changes jsonb)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v text[] := string_to_array(hms.verified_context(), chr(31));
BEGIN
    INSERT INTO hms.audit_event (tenant_id, actor, credential, action, entity, entity_id, patient_id, operation, request_id, purpose, changes)
    VALUES (p_tenant, coalesce(nullif(v[1], ''), 'database:' || session_user), coalesce(v[2], ''), p_action, p_entity, p_entity_id, p_patient,
        coalesce(v[5], ''), coalesce(v[3], ''), coalesce(v[4], ''), p_changes);
END $$;
