-- What somebody proves himself by comes into being, and is exchanged, in the use cases that do so and by no other
-- statement of the application's. In hardened mode the host signed which one it is; in the ordinary mode it is a setting.
CREATE OR REPLACE FUNCTION hms.guard_credential() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Not only for hms_app: its members may do what it may, each under his own name.
    IF NOT pg_has_role(current_user, 'hms_owner', 'MEMBER') AND NOT coalesce(hms.context(5) = ANY (TG_ARGV), false) THEN
        RAISE EXCEPTION 'this operation makes no credential' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_credential() FROM hms_app;

CREATE OR REPLACE TRIGGER user_session_made BEFORE INSERT ON hms.user_session
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.login', 'identity.login_external', 'identity.rotate_session');
CREATE OR REPLACE TRIGGER user_session_proved BEFORE UPDATE OF authenticated_at ON hms.user_session
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.reauthenticate');
CREATE OR REPLACE TRIGGER user_session_prolonged BEFORE UPDATE OF expires_at ON hms.user_session
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.rotate_session');
CREATE OR REPLACE TRIGGER user_device_made BEFORE INSERT ON hms.user_device
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.login');
CREATE OR REPLACE TRIGGER user_token_made BEFORE INSERT ON hms.user_token
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.invite', 'identity.request_password_reset');
-- A login makes the same password's hash anew where its parameters are other ones now.
CREATE OR REPLACE TRIGGER user_password_set BEFORE INSERT OR UPDATE OF hash ON hms.user_password
    FOR EACH ROW WHEN (NEW.hash <> '') EXECUTE FUNCTION hms.guard_credential('identity.accept_invitation',
        'identity.change_password', 'identity.reset_password', 'identity.login');
CREATE OR REPLACE TRIGGER user_totp_set BEFORE INSERT OR UPDATE OF secret ON hms.user_totp
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.begin_totp', 'encryption.reencrypt');
CREATE OR REPLACE TRIGGER user_recovery_code_made BEFORE INSERT ON hms.user_recovery_code
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.confirm_totp');
CREATE OR REPLACE TRIGGER webauthn_credential_made BEFORE INSERT ON hms.webauthn_credential
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.add_webauthn_credential');
CREATE OR REPLACE TRIGGER external_identity_made BEFORE INSERT ON hms.external_identity
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.link_external_identity');
CREATE OR REPLACE TRIGGER api_key_made BEFORE INSERT ON hms.api_key
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.create_api_key');

-- What was used, ended or revoked stays so.
CREATE OR REPLACE TRIGGER user_session_over BEFORE UPDATE OF ended_at ON hms.user_session
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL) EXECUTE FUNCTION hms.guard_credential();
CREATE OR REPLACE TRIGGER user_token_used BEFORE UPDATE OF used_at ON hms.user_token
    FOR EACH ROW WHEN (OLD.used_at IS NOT NULL AND NEW.used_at IS NULL) EXECUTE FUNCTION hms.guard_credential();
CREATE OR REPLACE TRIGGER user_recovery_code_used BEFORE UPDATE OF used_at ON hms.user_recovery_code
    FOR EACH ROW WHEN (OLD.used_at IS NOT NULL AND NEW.used_at IS NULL) EXECUTE FUNCTION hms.guard_credential();
CREATE OR REPLACE TRIGGER api_key_revoked BEFORE UPDATE OF revoked_at ON hms.api_key
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL) EXECUTE FUNCTION hms.guard_credential();

-- And whoever gives himself a role, or a role a right, needs no other's credential.
CREATE OR REPLACE TRIGGER user_role_given BEFORE INSERT ON hms.user_role
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.create_user', 'identity.set_user_roles',
        'identity.decide_access_change');
CREATE OR REPLACE TRIGGER role_made BEFORE INSERT ON hms.role
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.create_role', 'identity.create_tenant');
CREATE OR REPLACE TRIGGER role_changed BEFORE UPDATE OF permissions ON hms.role
    FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.update_role', 'identity.decide_access_change');
