-- Makes the monthly partitions from p_from on. The default partition takes what lies
-- outside them, so that no use case ever fails for want of a partition; a month whose events
-- lie there already keeps them there.
CREATE OR REPLACE FUNCTION hms.ensure_audit_partitions(p_from date, p_months integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_day date;
    part      text;
    made      integer := 0;
BEGIN
    FOR i IN 0 .. p_months - 1 LOOP
        first_day := (date_trunc('month', p_from) + make_interval(months => i))::date;
        part := 'audit_event_' || to_char(first_day, 'YYYY"m"MM');
        IF to_regclass('hms.' || part) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE hms.%I PARTITION OF hms.audit_event FOR VALUES FROM (%L) TO (%L)',
                    part, first_day::timestamp AT TIME ZONE 'UTC',
                    (first_day + interval '1 month') AT TIME ZONE 'UTC');
                PERFORM hms.secure_table(part, '');
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                RAISE NOTICE 'the default partition holds events of %', to_char(first_day, 'YYYY-MM');
            END;
        END IF;
    END LOOP;
    RETURN made;
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.ensure_audit_partitions(date, integer) FROM hms_app;
