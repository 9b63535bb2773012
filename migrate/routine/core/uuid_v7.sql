-- Ids that triggers make ascend within a millisecond, too: the twelve bits after the version hold
-- its fraction (RFC 9562, section 6.2, method 3). Lists by id are then lists by time.
CREATE OR REPLACE FUNCTION hms.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE
    RETURN (
        SELECT encode(overlay(overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send(now.us / 1000) FROM 3) FROM 1 FOR 6)
            PLACING int2send((28672 + now.us % 1000 * 4096 / 1000)::int2) FROM 7 FOR 2), 'hex')::uuid
        FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS now
    );
