-- Names that look alike, the instant of a deed, and break-glass: access in an emergency to
-- the restricted record of one patient (45 CFR 164.312(a)(2)(ii)).

-- What a username looks like (UTS #39 skeleton): "аdmin" with a Cyrillic letter is no
-- second "admin".
ALTER TABLE hms.user_account ADD COLUMN username_skeleton text;
ALTER TABLE hms.user_account ADD CONSTRAINT user_account_skeleton_key UNIQUE (tenant_id, username_skeleton);
ALTER TABLE hms.user_account ADD CONSTRAINT user_account_last_check
    CHECK (length(first_name) <= 150 AND length(last_name) <= 150 AND length(username_key) BETWEEN 1 AND 600);

CREATE TABLE hms.break_glass (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    user_id      uuid        NOT NULL,
    patient_id   uuid        NOT NULL,
    reason_code  text        NOT NULL,
    reason_text  text        NOT NULL,
    purpose      text        NOT NULL,
    status       text        NOT NULL,
    started_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    outcome      text        NOT NULL DEFAULT '',
    review_text  text        NOT NULL DEFAULT '',
    reviewed_by  text        NOT NULL DEFAULT '',
    reviewed_at  timestamptz,
    version      bigint      NOT NULL DEFAULT 1,
    CONSTRAINT break_glass_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT break_glass_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT break_glass_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT break_glass_reason_check CHECK (reason_code IN ('emergency', 'direct-care', 'public-health', 'other') AND length(reason_text) BETWEEN 10 AND 1000),
    CONSTRAINT break_glass_purpose_check CHECK (purpose IN ('ETREAT', 'BTG')),
    CONSTRAINT break_glass_period_check CHECK (expires_at > started_at AND expires_at <= started_at + interval '4 hours'),
    CONSTRAINT break_glass_ended_check CHECK (ended_at >= started_at),
    CONSTRAINT break_glass_outcome_check CHECK (outcome IN ('', 'justified', 'not-justified')),
    CONSTRAINT break_glass_review_check CHECK ((outcome = '') = (reviewed_at IS NULL) AND (outcome = '') = (reviewed_by = '')),
    CONSTRAINT break_glass_reviewer_check CHECK (hms.actor_person(reviewed_by) <> hms.actor_person(created_by)),
    CONSTRAINT break_glass_status_check CHECK (CASE status WHEN 'active' THEN outcome = '' AND ended_at IS NULL
        WHEN 'ended' THEN outcome = '' AND ended_at IS NOT NULL WHEN 'reviewed' THEN outcome <> '' ELSE false END)
);
CREATE INDEX break_glass_user_idx ON hms.break_glass (tenant_id, user_id, patient_id, expires_at);
CREATE INDEX break_glass_patient_idx ON hms.break_glass (tenant_id, patient_id, started_at);
CREATE INDEX break_glass_started_idx ON hms.break_glass (tenant_id, started_at, id);
SELECT hms.install_table('break_glass', 'patient_id');
SELECT hms.guard_status('break_glass', 'active>ended', 'active>reviewed', 'ended>reviewed');
SELECT hms.install_status_history('break_glass');

-- Of a grant only its end and its review may change, and each but once.
CREATE FUNCTION hms.break_glass_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,version}'::text[])
       <> (to_jsonb(OLD) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,version}'::text[])
       OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
       OR (OLD.outcome <> '' AND NEW.outcome <> OLD.outcome) THEN
        RAISE EXCEPTION 'a break-glass grant is ended and reviewed once, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_glass_guard BEFORE UPDATE ON hms.break_glass FOR EACH ROW EXECUTE FUNCTION hms.break_glass_guard();

-- The grant under which something was read; NULL for everything else.
ALTER TABLE hms.audit_event ADD COLUMN break_glass_id uuid;

-- The deed's instant, as the host's clock gave it; the database's own where SQL comes from
-- outside the library.
CREATE FUNCTION hms.deed_time() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(nullif(current_setting('hms.now', true), '')::timestamptz, clock_timestamp())
$$;

-- A read, search, export or refusal, recorded by a service. A read or export of a
-- restricted patient's data is refused here unless the transaction may see them, or its
-- actor holds a break-glass grant for this patient that has neither expired nor ended: then
-- the event carries the grant. So does a search under a grant, whose hits it opens as well; without
-- one they are withheld, and the search is only noted. Since nothing is shown that is not recorded, no service can
-- forget the restriction.
CREATE OR REPLACE FUNCTION hms.record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_actor text := coalesce(nullif(current_setting('hms.actor', true), ''), 'database:' || session_user);
    v_grant uuid;
BEGIN
    IF p_patient IS NOT NULL AND p_action IN ('read', 'search', 'export') AND coalesce(current_setting('hms.restricted', true), '') <> 'yes'
       AND EXISTS (SELECT 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient AND p.is_restricted) THEN
        IF v_actor LIKE 'human:%' THEN
            SELECT g.id INTO v_grant FROM hms.break_glass AS g
            WHERE g.tenant_id = p_tenant AND g.user_id = substr(v_actor, 7)::uuid AND g.patient_id = p_patient
              AND g.started_at <= hms.deed_time() AND g.expires_at > hms.deed_time() AND g.ended_at IS NULL
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
