-- needs: audit/opening_grant
-- A read, search, export or refusal, recorded by a service. A read or export of a restricted patient's data is refused
-- here as audit/opening_grant says, whose grant the event carries. Since nothing is shown that is not recorded, no
-- service can forget the restriction.
--
-- It runs as the owner, who alone adds to the trail. The tenant must be the transaction's; so is the actor, and the
-- instant is the table's default: the caller says none of them.
CREATE OR REPLACE FUNCTION hms.record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v text[] := string_to_array(hms.verified_context(), chr(31));
    v_actor text := coalesce(nullif(v[1], ''), 'database:' || session_user);
    v_grant uuid;
BEGIN
    IF p_tenant IS DISTINCT FROM hms.current_tenant() THEN
        RAISE EXCEPTION 'the tenant is not the transaction''s' USING ERRCODE = 'insufficient_privilege';
    END IF;
    v_grant := hms.opening_grant(p_tenant, p_action, p_patient);
    INSERT INTO hms.audit_event (tenant_id, actor, credential, action, entity, entity_id, patient_id, operation, request_id, purpose, break_glass_id)
    VALUES (p_tenant, v_actor, coalesce(v[2], ''), p_action, p_entity, coalesce(p_entity_id, ''), p_patient,
        coalesce(v[5], ''), coalesce(v[3], ''), CASE WHEN v_grant IS NULL THEN coalesce(v[4], '') ELSE 'BTG' END,
        v_grant);
END $$;
