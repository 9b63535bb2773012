-- A read, search, export or refusal, recorded by a service. A read or export of a
-- restricted patient's data is refused here unless the transaction may see them, or its
-- actor holds a break-glass grant for this patient that has neither expired, by the host's clock or by
-- the database's, whichever passes first, nor ended: then
-- the event carries the grant. So does a search under a grant, whose hits it opens as well; without
-- one they are withheld, and the search is only noted. Since nothing is shown that is not recorded,
-- no service can forget the restriction.
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
    IF p_patient IS NOT NULL AND p_action IN ('read', 'search', 'export') AND v[6] IS DISTINCT FROM 'yes'
       AND EXISTS (SELECT 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient AND p.is_restricted) THEN
        IF v_actor LIKE 'human:%' THEN
            SELECT g.id INTO v_grant FROM hms.break_glass AS g
            WHERE g.tenant_id = p_tenant AND g.user_id = substr(v_actor, 7)::uuid AND g.patient_id = p_patient
              AND g.started_at <= hms.operation_time() AND g.expires_at > hms.operation_time()
              AND g.closes_at > statement_timestamp() AND g.ended_at IS NULL
            ORDER BY g.expires_at DESC LIMIT 1;
        END IF;
        IF v_grant IS NULL AND p_action <> 'search' THEN
            RAISE EXCEPTION 'the patient''s record is restricted' USING ERRCODE = 'HM690', DETAIL = p_patient::text;
        END IF;
    END IF;
    INSERT INTO hms.audit_event (tenant_id, actor, credential, action, entity, entity_id, patient_id, operation, request_id, purpose, break_glass_id)
    VALUES (p_tenant, v_actor, coalesce(v[2], ''), p_action, p_entity, coalesce(p_entity_id, ''), p_patient,
        coalesce(v[5], ''), coalesce(v[3], ''), CASE WHEN v_grant IS NULL THEN coalesce(v[4], '') ELSE 'BTG' END,
        v_grant);
END $$;
