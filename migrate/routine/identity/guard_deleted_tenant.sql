-- Nothing of a deleted tenant begins again by accident. Asked where a tenant's life begins: of the tenant, what is
-- whose comes after it; so no use case but these pays for it.
CREATE OR REPLACE FUNCTION hms.guard_deleted_tenant() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT r.kind FROM hms.tenant_record AS r WHERE r.tenant_id = NEW.tenant_id ORDER BY r.number DESC LIMIT 1)
        = 'deleted' THEN
        RAISE EXCEPTION 'the tenant was deleted' USING ERRCODE = 'HM010';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_deleted_tenant() FROM hms_app;

CREATE OR REPLACE TRIGGER tenant_deleted BEFORE INSERT ON hms.tenant
    FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
CREATE OR REPLACE TRIGGER role_tenant_deleted BEFORE INSERT ON hms.role
    FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
CREATE OR REPLACE TRIGGER user_account_tenant_deleted BEFORE INSERT ON hms.user_account
    FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
CREATE OR REPLACE TRIGGER patient_tenant_deleted BEFORE INSERT ON hms.patient
    FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
CREATE OR REPLACE TRIGGER tenant_keyset_tenant_deleted BEFORE INSERT ON hms.tenant_keyset
    FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
CREATE OR REPLACE TRIGGER counter_tenant_deleted BEFORE INSERT ON hms.counter
    FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
