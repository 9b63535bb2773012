-- Writes one event. Who, why and under which request come from the transaction's
-- settings; outside the library the actor is the database's own session.
CREATE OR REPLACE FUNCTION hms.audit_write(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid, p_changes jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hms.audit_event (tenant_id, actor, action, entity, entity_id, patient_id, operation, request_id, purpose, changes)
    VALUES (p_tenant,
        coalesce(nullif(current_setting('hms.actor', true), ''), 'database:' || session_user),
        p_action, p_entity, p_entity_id, p_patient,
        coalesce(current_setting('hms.operation', true), ''),
        coalesce(current_setting('hms.request_id', true), ''),
        coalesce(current_setting('hms.purpose', true), ''),
        p_changes);
END $$;
