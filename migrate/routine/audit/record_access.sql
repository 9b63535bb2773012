-- A read, search, export or refusal, recorded by a service. A read or export of a
-- restricted patient's data is refused here unless the transaction may see them, or its
-- actor holds a break-glass grant for this patient that has neither expired, by the host's clock or by
-- the database's, whichever passes first, nor ended: then
-- the event carries the grant. So does a search under a grant, whose hits it opens as well; without
-- one they are withheld, and the search is only noted. Since nothing is shown that is not recorded,
-- no service can forget the restriction.
--
-- It runs as the owner, who alone adds to the trail. Row-level security binds him as well, so the tenant is the
-- transaction's; so is the actor, and the instant is the table's default: the caller says none of them.
CREATE OR REPLACE FUNCTION hms.record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := coalesce(nullif(current_setting('hms.actor', true), ''), 'database:' || session_user);
    v_grant uuid;
BEGIN
    IF p_patient IS NOT NULL AND p_action IN ('read', 'search', 'export') AND coalesce(current_setting('hms.restricted', true), '') <> 'yes'
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
    INSERT INTO hms.audit_event (tenant_id, actor, action, entity, entity_id, patient_id, operation, request_id, purpose, break_glass_id)
    VALUES (p_tenant, v_actor, p_action, p_entity, coalesce(p_entity_id, ''), p_patient,
        coalesce(current_setting('hms.operation', true), ''),
        coalesce(current_setting('hms.request_id', true), ''),
        CASE WHEN v_grant IS NULL THEN coalesce(current_setting('hms.purpose', true), '') ELSE 'BTG' END,
        v_grant);
END $$;
