-- What the trail must hold to answer who was exposed to whom, and the accounting of
-- disclosures (45 CFR 164.528).

-- What the actor proved himself by, "session:<id>" or "key:<id>"; empty for the host itself.
-- A default, so that every way in which events are written sets it.
ALTER TABLE hms.audit_event ADD COLUMN credential text NOT NULL DEFAULT coalesce(current_setting('hms.credential', true), '');
CREATE INDEX audit_event_credential_idx ON hms.audit_event (tenant_id, credential, recorded_at) WHERE credential <> '';
CREATE INDEX audit_event_grant_idx ON hms.audit_event (tenant_id, break_glass_id, recorded_at) WHERE break_glass_id IS NOT NULL;

-- The patient's record of a user who is a patient here, too: that he opened it is no crime,
-- and yet somebody should look.
ALTER TABLE hms.user_account ADD COLUMN patient_id uuid;
ALTER TABLE hms.user_account ADD CONSTRAINT user_account_patient_fkey
    FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id);
CREATE INDEX user_account_patient_idx ON hms.user_account (tenant_id, patient_id) WHERE patient_id IS NOT NULL;

-- One disclosure of a patient's data outside the hospital. The description and the address
-- may be ciphertext, which is longer than what it hides.
CREATE TABLE hms.disclosure (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    created_at        timestamptz NOT NULL,
    created_by        text        NOT NULL,
    version           bigint      NOT NULL DEFAULT 1,
    patient_id        uuid        NOT NULL,
    status            text        NOT NULL,
    disclosed_at      timestamptz NOT NULL,
    recipient_name    text        NOT NULL,
    recipient_address text        NOT NULL DEFAULT '',
    description       text        NOT NULL,
    purpose           text        NOT NULL,
    basis             text        NOT NULL,
    authorized_by     text        NOT NULL DEFAULT '',
    suspension_until   timestamptz,
    suspension_agency      text        NOT NULL DEFAULT '',
    suspension_statement   text        NOT NULL DEFAULT '',
    suspension_oral   boolean     NOT NULL DEFAULT false,
    suspension_at     timestamptz,
    error_reason      text        NOT NULL DEFAULT '',
    error_at          timestamptz,
    error_by          text        NOT NULL DEFAULT '',
    CONSTRAINT disclosure_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT disclosure_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT disclosure_status_check CHECK (status IN ('recorded', 'entered-in-error')),
    CONSTRAINT disclosure_time_check CHECK (disclosed_at <= created_at),
    CONSTRAINT disclosure_recipient_check CHECK (length(recipient_name) BETWEEN 1 AND 200 AND length(recipient_address) <= 3000),
    CONSTRAINT disclosure_text_check CHECK (length(description) BETWEEN 1 AND 12000 AND length(purpose) BETWEEN 1 AND 500 AND length(authorized_by) <= 200),
    CONSTRAINT disclosure_basis_check CHECK (basis IN ('treatment', 'payment', 'operations', 'authorization', 'required-by-law', 'public-health', 'abuse',
        'oversight', 'judicial', 'law-enforcement', 'decedent', 'donation', 'research', 'threat', 'government', 'workers-compensation', 'secretary', 'impermissible', 'other')),
    -- 164.528(a)(2): only for these two, by a statement, and for 30 days where it was oral.
    CONSTRAINT disclosure_suspension_check CHECK (suspension_until IS NULL OR basis IN ('oversight', 'law-enforcement')),
    CONSTRAINT disclosure_statement_check CHECK ((suspension_until IS NULL) = (suspension_at IS NULL) AND (suspension_until IS NULL) = (suspension_agency = '')
        AND (suspension_until IS NULL) = (suspension_statement = '') AND length(suspension_agency) <= 200 AND length(suspension_statement) <= 2000),
    CONSTRAINT disclosure_until_check CHECK (suspension_until > suspension_at
        AND (NOT suspension_oral OR suspension_until <= suspension_at + interval '30 days')),
    CONSTRAINT disclosure_error_check CHECK ((status = 'entered-in-error') = (error_at IS NOT NULL) AND (error_at IS NULL) = (error_by = '')
        AND (error_at IS NULL) = (error_reason = '') AND length(error_reason) <= 500)
);
CREATE INDEX disclosure_patient_idx ON hms.disclosure (tenant_id, patient_id, disclosed_at, id);
SELECT hms.install_table('disclosure', 'patient_id');
SELECT hms.guard_status('disclosure', 'recorded>entered-in-error');
SELECT hms.install_status_history('disclosure');

-- Never removed, and of what was told only the suspension and the correction may change.
CREATE TRIGGER disclosure_kept BEFORE DELETE OR TRUNCATE ON hms.disclosure FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();

CREATE FUNCTION hms.disclosure_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{status,error_reason,error_at,error_by,suspension_until,suspension_agency,suspension_statement,suspension_oral,suspension_at,version}';
BEGIN
    IF (to_jsonb(NEW) - may_change) <> (to_jsonb(OLD) - may_change) OR OLD.status = 'entered-in-error' AND NEW.version <> OLD.version THEN
        RAISE EXCEPTION 'a disclosure is suspended or marked as an error, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disclosure_guard BEFORE UPDATE ON hms.disclosure FOR EACH ROW EXECUTE FUNCTION hms.disclosure_guard();
