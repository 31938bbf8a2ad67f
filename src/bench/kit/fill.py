"""Rows in refresh_tokens as they lie there after a while, made by SQL."""

import time

from kit.postgres import Database

GENERATIONS = 10
MINUTES_BETWEEN = 15
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

_MAKE = f"""
    -- no checks of foreign keys: the rows are right by the way they are made
    SET session_replication_role = replica;
    SET maintenance_work_mem = '1GB';
    BEGIN;
    CREATE TEMP TABLE later ON COMMIT DROP AS
        SELECT indexdef FROM pg_indexes
        WHERE tablename = 'refresh_tokens' AND indexname NOT IN (SELECT conname FROM pg_constraint);
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT indexname FROM pg_indexes JOIN later USING (indexdef) LOOP EXECUTE 'DROP INDEX ' || name; END LOOP;
    END $$;
    {{rows}}
    DO $$ DECLARE definition text; BEGIN
        FOR definition IN SELECT indexdef FROM later LOOP EXECUTE definition; END LOOP;
    END $$;
    COMMIT;
    VACUUM ANALYZE users;
    VACUUM ANALYZE login_sessions;
    VACUUM ANALYZE refresh_tokens;
    CHECKPOINT;
    """


def sessions(database: Database, rows: int) -> float:
    """
    Adds so many rows to refresh_tokens, none of which a clean-up removes: nine tenths belong to sessions in use, with a live
    token and the nine before it, one each quarter of an hour; one tenth are the last tokens of sessions that were left within
    the last month but one. There are ten sessions to a user. Returns the seconds that it took.
    """
    used, left = rows * 9 // 10 // GENERATIONS, rows - rows * 9 // 10
    return _run(database, f"""
    INSERT INTO users (id, email, password_hash)
        SELECT md5('user ' || n)::uuid, 'filled' || n || '@example.org', '-'
        FROM generate_series(0, {(used + left) // 10}) n;
    INSERT INTO login_sessions (id, user_id, user_epoch, created_at, expires_at, ip, user_agent)
        SELECT md5('session ' || n)::uuid, md5('user ' || n / 10)::uuid, 0, now() - interval '1 day' - age,
               now() + interval '89 days' - age, '198.51.100.' || n % 250, '{USER_AGENT}'
        FROM generate_series(0, {used + left - 1}) n,
             LATERAL (SELECT CASE WHEN n < {used} THEN interval '0' ELSE interval '31 days' END AS age) ages;
    INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, created_at, expires_at, revoked_at,
                                revoked_reason, replaced_by, ip, user_agent)
        SELECT gen_random_uuid(), md5('user ' || n / 10)::uuid, md5('session ' || n)::uuid, generation,
               encode(sha256(('filled ' || n || ' ' || generation)::bytea), 'hex'), made, made + interval '30 days',
               CASE WHEN generation < {GENERATIONS - 1} THEN made + interval '{MINUTES_BETWEEN} minutes' END,
               CASE WHEN generation < {GENERATIONS - 1} THEN 'ROTATED' END,
               CASE WHEN generation < {GENERATIONS - 1} THEN gen_random_uuid() END,
               '198.51.100.' || n % 250, '{USER_AGENT}'
        FROM generate_series(0, {used - 1}) n, generate_series(0, {GENERATIONS - 1}) generation,
             LATERAL (SELECT now() - interval '{MINUTES_BETWEEN} minutes' * ({GENERATIONS - 1} - generation + n::float / {used})
                      AS made) times;
    INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, created_at, expires_at, ip, user_agent)
        SELECT gen_random_uuid(), md5('user ' || n / 10)::uuid, md5('session ' || n)::uuid, {GENERATIONS - 1},
               encode(sha256(('filled ' || n)::bytea), 'hex'), made, made + interval '30 days', '198.51.100.' || n % 250,
               '{USER_AGENT}'
        FROM generate_series({used}, {used + left - 1}) n,
             LATERAL (SELECT now() - interval '31 days' - interval '28 days' * (n - {used})::float / {left} AS made) times;
    """)


def expired(database: Database, rows: int) -> float:
    """
    Adds so many rows to refresh_tokens that expired in the month before the last one, and which the next clean-up removes:
    half are live tokens that nobody used, half were rotated. Returns the seconds that it took.
    """
    users = max(1, rows // 100)
    return _run(database, f"""
    INSERT INTO users (id, email, password_hash)
        SELECT md5('gone ' || n)::uuid, 'gone' || n || '@example.org', '-' FROM generate_series(0, {users - 1}) n
        ON CONFLICT DO NOTHING;
    INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, created_at, expires_at, revoked_at,
                                revoked_reason, replaced_by, ip, user_agent)
        SELECT gen_random_uuid(), md5('gone ' || n % {users})::uuid, gen_random_uuid(), 7,
               encode(sha256(('gone ' || n || clock_timestamp())::bytea), 'hex'), made, made + interval '30 days',
               CASE WHEN n % 2 = 0 THEN made + interval '{MINUTES_BETWEEN} minutes' END,
               CASE WHEN n % 2 = 0 THEN 'ROTATED' END, CASE WHEN n % 2 = 0 THEN gen_random_uuid() END,
               '198.51.100.' || n % 250, '{USER_AGENT}'
        FROM generate_series(0, {rows - 1}) n,
             LATERAL (SELECT now() - interval '61 days' - interval '28 days' * (1 - n::float / {rows}) AS made) times;
    """)


def _run(database: Database, rows: str) -> float:
    before = time.monotonic()
    database.rows(_MAKE.format(rows=rows))
    return time.monotonic() - before
