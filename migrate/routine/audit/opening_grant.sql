-- needs: core/context
-- Refuses to show a restricted patient's data by a read or an export, unless the transaction may see them, or its
-- actor holds a break-glass grant for this patient that has neither expired, by the host's clock or by the
-- database's, whichever passes first, nor ended: then it gives the grant. So it does for a search, whose hits a grant
-- opens as well; without one they are withheld, and the search is only noted. NULL where no grant was needed.
-- Of what was shown already, which is recorded once more, it refuses nothing.
CREATE OR REPLACE FUNCTION hms.opening_grant(p_tenant uuid, p_action text, p_patient uuid)
RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v text[] := string_to_array(hms.verified_context(), chr(31));
    v_grant uuid;
BEGIN
    IF p_patient IS NULL OR p_action NOT IN ('read', 'search', 'export') OR v[6] = 'yes'
       OR NOT EXISTS (SELECT 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient AND p.is_restricted) THEN
        RETURN NULL;
    END IF;
    IF v[1] LIKE 'human:%' THEN
        SELECT g.id INTO v_grant FROM hms.break_glass AS g
        WHERE g.tenant_id = p_tenant AND g.user_id = substr(v[1], 7)::uuid AND g.patient_id = p_patient
          AND g.started_at <= hms.operation_time() AND g.expires_at > hms.operation_time()
          AND g.closes_at > statement_timestamp() AND g.ended_at IS NULL
        ORDER BY g.expires_at DESC LIMIT 1;
    END IF;
    IF v_grant IS NULL AND p_action <> 'search' AND v[6] IS DISTINCT FROM 'shown' THEN
        RAISE EXCEPTION 'the patient''s record is restricted' USING ERRCODE = 'HM690', DETAIL = p_patient::text;
    END IF;
    RETURN v_grant;
END $$;
