-- The audit trail's partitions of the past month and the coming two years.
SELECT hms.ensure_audit_partitions((now() - interval '1 month')::date, 25);
