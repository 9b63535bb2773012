-- Gives a table with states its history, <table>_status: from, to, when, by whom and why (FHIR
-- Encounter.statusHistory). The entity's version numbers the steps; its making is no step. The
-- trail tells of the change of the entity's row already, so the history has no events of its own.
CREATE OR REPLACE FUNCTION hms.install_status_history(p_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    history text := p_table || '_status';
BEGIN
    EXECUTE format('CREATE TABLE hms.%1$I (
        tenant_id   uuid        NOT NULL,
        entity_id   uuid        NOT NULL,
        version     bigint      NOT NULL,
        from_status text        NOT NULL,
        to_status   text        NOT NULL,
        stepped_at  timestamptz NOT NULL,
        stepped_by  text        NOT NULL,
        reason      text        NOT NULL DEFAULT '''',
        CONSTRAINT %2$I PRIMARY KEY (tenant_id, entity_id, version),
        CONSTRAINT %3$I FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.%4$I (tenant_id, id),
        CONSTRAINT %5$I CHECK (length(stepped_by) BETWEEN 1 AND 81),
        CONSTRAINT %6$I CHECK (length(reason) <= 2000 AND length(from_status) <= 30 AND length(to_status) <= 30))',
        history, history || '_pkey', history || '_entity_fkey', p_table, history || '_stepped_by_check', history || '_reason_check');
    PERFORM hms.secure_table(history, 'SELECT, INSERT');
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.install_status_history(text) FROM hms_app;
