-- needs: core/actor_person
-- Whether one of two people made an account of the other, over accounts in between too, since an
-- instant. Each is given by the ids of his account and of its person; all accounts of a person count. Who made it under the host's own
-- actor is nobody.
CREATE OR REPLACE FUNCTION hms.accounts_related(p_tenant uuid, p_one uuid[], p_other uuid[], p_since timestamptz)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE maker (is_one, id) AS (
        SELECT true, unnest(p_one) UNION SELECT false, unnest(p_other)
        UNION
        SELECT m.is_one, hms.actor_person(u.created_by)::uuid
        FROM maker AS m JOIN hms.user_account AS u ON u.tenant_id = p_tenant AND u.person_id = m.id
        WHERE u.created_at > p_since AND hms.actor_person(u.created_by) IS NOT NULL
    )
    SELECT EXISTS (SELECT 1 FROM maker AS m WHERE m.id = ANY (CASE WHEN m.is_one THEN p_other ELSE p_one END))
$$;
