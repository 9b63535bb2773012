-- What the safety checks said of a medicine is a whole: every kind of check has an outcome, a check that was not made
-- says why, and one that was made says nothing else. Nothing found is thus never what nobody looked for.
CREATE OR REPLACE FUNCTION hms.is_verdict(p_verdict jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN octet_length(p_verdict::text) <= 200000 AND jsonb_typeof(p_verdict -> 'checks') = 'array' AND (
        SELECT count(*) = 6 AND count(DISTINCT c ->> 'kind') = 6 AND bool_and((c ->> 'kind') IN ('allergy-substance',
                'allergy-class', 'cross-reactivity', 'duplicate-therapy', 'interaction', 'dose')
            AND (c ->> 'outcome') IN ('checked', 'not-checked', 'failed')
            AND (c ->> 'outcome' = 'checked') = (coalesce(c ->> 'why', '') = ''))
        FROM jsonb_array_elements(CASE jsonb_typeof(p_verdict -> 'checks') WHEN 'array' THEN p_verdict -> 'checks'
            ELSE '[]'::jsonb END) AS c);
