-- The person behind an actor (hmstype.ActorRef as text), for CHECKs that keep duties apart: two
-- accounts or keys of one person are one person. The host's own actor is no person: NULL.
CREATE OR REPLACE FUNCTION hms.actor_person(p_actor text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_actor ~ '^(human|service):' THEN regexp_replace(p_actor, '^[a-z]+:(.*/)?', '') END;
