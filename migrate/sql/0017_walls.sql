-- Least privilege: what only migrations call is not for the application. None of these did
-- anything for it, since it owns no table, but a function that changes schemas has no place
-- within reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION
    hms.guard_status(text, text[]),
    hms.append_only(text),
    hms.keep_rows(text),
    hms.secure_table(text, text),
    hms.install_table(text, text, text, text),
    hms.install_status_history(text),
    hms.ensure_audit_partitions(date, integer)
FROM hms_app;
