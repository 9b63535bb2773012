-- Writes one event. Who, why and under which request come from the transaction's
-- settings; outside the library the actor is the database's own session. The instant and the transaction are the
-- table's defaults: nobody says them.
--
-- It runs as the owner, within the triggers, and only functions of ours call it. The owner is bound by row-level
-- security, too, and an administrator's SQL may have no tenant set: the row says whose event it is, and what was set
-- is set again.
CREATE OR REPLACE FUNCTION hms.audit_write(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid, p_changes jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_set text := coalesce(current_setting('hms.tenant', true), '');
BEGIN
    IF v_set <> p_tenant::text THEN
        PERFORM set_config('hms.tenant', p_tenant::text, true);
    END IF;
    INSERT INTO hms.audit_event (tenant_id, actor, action, entity, entity_id, patient_id, operation, request_id, purpose, changes)
    VALUES (p_tenant,
        coalesce(nullif(current_setting('hms.actor', true), ''), 'database:' || session_user),
        p_action, p_entity, p_entity_id, p_patient,
        coalesce(current_setting('hms.operation', true), ''),
        coalesce(current_setting('hms.request_id', true), ''),
        coalesce(current_setting('hms.purpose', true), ''),
        p_changes);
    IF v_set <> p_tenant::text THEN
        PERFORM set_config('hms.tenant', v_set, true);
    END IF;
END $$;

-- Who calls it by himself says what happened: that is the triggers' to say.
REVOKE EXECUTE ON FUNCTION hms.audit_write(uuid, text, text, text, uuid, jsonb) FROM hms_app;
