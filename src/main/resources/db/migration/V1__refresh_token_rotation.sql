-- Latchkey's tables and functions. Creates what is missing and touches nothing else, so it may run any number of times,
-- by Flyway or by hand: psql -f V1__refresh_token_rotation.sql
-- It is one block, so that with any client it happens whole or not at all.

DO $migration$
DECLARE
    in_the_way text;
    trouble text;
BEGIN
    PERFORM set_config('client_min_messages', 'warning', true); -- IF NOT EXISTS has nothing to tell

    IF current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'Latchkey needs PostgreSQL 15 or newer, this is %', current_setting('server_version');
    END IF;

    ------------------------------------------------------------------------------------------------------------------
    -- Stop before anything is changed where tables of the same name, but of another shape, are in the way
    ------------------------------------------------------------------------------------------------------------------

    WITH ours (relation, columns) AS (VALUES
            ('refresh_tokens', ARRAY['family_id', 'generation', 'replaced_by', 'revoked', 'is_revoked']),
            ('login_sessions', ARRAY['user_epoch', 'ended_at', 'end_reason']),
            ('audit_logs', ARRAY['event_type', 'session_id', 'generation', 'details'])),
        others AS (
            SELECT relation FROM ours
            WHERE to_regclass(relation) IS NOT NULL
              AND EXISTS (SELECT FROM unnest(columns) AS wanted
                          WHERE NOT EXISTS (SELECT FROM pg_attribute
                                            WHERE attrelid = to_regclass(relation) AND attname = wanted AND NOT attisdropped))),
        steps (place, step) AS (
            SELECT 1, format('ALTER TABLE %1$I RENAME TO %1$s_before_latchkey;', relation) FROM others
            UNION ALL
            SELECT 2, format('ALTER INDEX %1$I RENAME TO %2$I;', c.relname, c.relname || '_before_latchkey')
            FROM others JOIN pg_index i ON i.indrelid = to_regclass(relation) JOIN pg_class c ON c.oid = i.indexrelid
            UNION ALL
            SELECT 3, 'ALTER FUNCTION cleanup_expired_refresh_tokens(integer) RENAME TO cleanup_refresh_tokens_before_latchkey;'
            FROM others
            WHERE relation = 'refresh_tokens' AND to_regprocedure('cleanup_expired_refresh_tokens(integer)') IS NOT NULL)
    SELECT string_agg(DISTINCT relation, ', '), (SELECT string_agg(step, ' ' ORDER BY place, step) FROM steps)
    INTO trouble, in_the_way FROM others;
    IF trouble IS NOT NULL THEN
        RAISE EXCEPTION 'Tables of another shape are in the way: %', trouble
            USING HINT = 'Nothing was changed. To keep them under another name, run: ' || in_the_way
                || ' Then start again. Users stay as they are; their sessions start afresh.';
    END IF;

    ------------------------------------------------------------------------------------------------------------------
    -- users: the application's own table, if there is one, with what Latchkey needs added to it
    ------------------------------------------------------------------------------------------------------------------

    IF to_regclass('users') IS NOT NULL THEN
        SELECT string_agg(format('%s is %s, not %s', attname, format_type(atttypid, atttypmod), wanted), '; ')
        INTO trouble
        FROM (VALUES ('id', '{uuid}', 'uuid'),
                     ('email', '{text,varchar}', 'text'),
                     ('password_hash', '{text,varchar}', 'text'),
                     ('roles', '{_text,_varchar}', 'text[]'),
                     ('session_epoch', '{int4}', 'integer'),
                     ('disabled_at', '{timestamptz}', 'timestamp with time zone')) AS ours (column_name, fitting, wanted)
        JOIN pg_attribute ON attrelid = 'users'::regclass AND attname = column_name AND NOT attisdropped
        JOIN pg_type ON pg_type.oid = atttypid
        WHERE NOT typname = ANY (fitting::text[]);
        IF trouble IS NOT NULL THEN
            RAISE EXCEPTION 'The existing table users does not fit: %', trouble
                USING HINT = 'Nothing was changed. Change the type of these columns, or rename them, and start again.';
        END IF;

        IF NOT EXISTS (
            SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
            WHERE indrelid = 'users'::regclass AND indisunique AND indpred IS NULL AND indnkeyatts = 1 AND attname = 'id') THEN
            RAISE EXCEPTION 'The existing table users has no unique column id of type uuid'
                USING HINT = 'Nothing was changed. Latchkey refers to users by users.id: add such a column, or a primary key on it.';
        END IF;
    END IF;

    CREATE TABLE IF NOT EXISTS users (
        id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
        email         text        NOT NULL,
        password_hash text,
        created_at    timestamptz NOT NULL DEFAULT now()
    );
    ALTER TABLE users
        ADD COLUMN IF NOT EXISTS email         text,
        ADD COLUMN IF NOT EXISTS password_hash text,
        ADD COLUMN IF NOT EXISTS roles         text[]      NOT NULL DEFAULT '{user}',
        ADD COLUMN IF NOT EXISTS session_epoch integer     NOT NULL DEFAULT 0,
        ADD COLUMN IF NOT EXISTS created_at    timestamptz DEFAULT now(),
        ADD COLUMN IF NOT EXISTS disabled_at   timestamptz;

    SELECT count(*)::text INTO trouble
    FROM (SELECT FROM users WHERE email IS NOT NULL GROUP BY lower(email) HAVING count(*) > 1) AS twins;
    IF trouble <> '0' THEN
        RAISE EXCEPTION 'The existing table users has % e-mail addresses that differ only in upper and lower case', trouble
            USING HINT = 'Nothing was changed. See them: SELECT lower(email), count(*) FROM users GROUP BY 1 HAVING count(*) > 1; '
                'merge the accounts and start again.';
    END IF;
    CREATE UNIQUE INDEX IF NOT EXISTS ux_users_email ON users (lower(email));

    ------------------------------------------------------------------------------------------------------------------
    -- login_sessions: one row for each login on one device; a refresh reads it and never writes it
    ------------------------------------------------------------------------------------------------------------------

    CREATE TABLE IF NOT EXISTS login_sessions (
        id         uuid        PRIMARY KEY,
        user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        user_epoch integer     NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        ended_at   timestamptz,
        end_reason text,
        ip         text,
        user_agent text,
        device     text
    );
    CREATE INDEX IF NOT EXISTS ix_login_sessions_user_id ON login_sessions (user_id);
    CREATE INDEX IF NOT EXISTS ix_login_sessions_expires_at ON login_sessions (expires_at);
    CREATE INDEX IF NOT EXISTS ix_login_sessions_ended_at ON login_sessions (ended_at) WHERE ended_at IS NOT NULL;

    ------------------------------------------------------------------------------------------------------------------
    -- refresh_tokens: no index holds a column that a rotation changes, and each page keeps room, so that its update
    -- stays within the page (HOT). family_id is the session; it has no foreign key, which would slow every rotation.
    ------------------------------------------------------------------------------------------------------------------

    CREATE TABLE IF NOT EXISTS refresh_tokens (
        id             uuid        PRIMARY KEY,
        user_id        uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        family_id      uuid        NOT NULL,
        generation     integer     NOT NULL,
        token_hash     text        NOT NULL,
        created_at     timestamptz NOT NULL DEFAULT now(),
        expires_at     timestamptz NOT NULL,
        revoked_at     timestamptz,
        revoked_reason text,
        replaced_by    uuid,
        ip             text,
        user_agent     text,
        revoked        boolean     GENERATED ALWAYS AS (revoked_at IS NOT NULL) STORED,
        is_revoked     boolean     GENERATED ALWAYS AS (revoked_at IS NOT NULL) STORED
    ) WITH (fillfactor = 70);
    CREATE INDEX IF NOT EXISTS ix_refresh_tokens_user_id ON refresh_tokens (user_id);
    CREATE UNIQUE INDEX IF NOT EXISTS ix_refresh_tokens_token_hash ON refresh_tokens (token_hash);
    CREATE INDEX IF NOT EXISTS ix_refresh_tokens_expires_at ON refresh_tokens (expires_at);
    CREATE UNIQUE INDEX IF NOT EXISTS ux_refresh_tokens_family_generation ON refresh_tokens (family_id, generation);

    ------------------------------------------------------------------------------------------------------------------
    -- audit_logs: outlives the users and sessions it speaks of
    ------------------------------------------------------------------------------------------------------------------

    CREATE TABLE IF NOT EXISTS audit_logs (
        id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_type text        NOT NULL,
        user_id    uuid        REFERENCES users (id) ON DELETE SET NULL,
        session_id uuid,
        generation integer,
        ip         text,
        user_agent text,
        details    jsonb       NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE UNIQUE INDEX IF NOT EXISTS ux_audit_logs_session_generation_event
        ON audit_logs (session_id, generation, event_type) WHERE generation IS NOT NULL;
    CREATE INDEX IF NOT EXISTS ix_audit_logs_user_id ON audit_logs (user_id);
    CREATE INDEX IF NOT EXISTS ix_audit_logs_created_at ON audit_logs (created_at);
    CREATE INDEX IF NOT EXISTS ix_audit_logs_event_type ON audit_logs (event_type, created_at);

    -- IF NOT EXISTS goes by the name alone: an index of that name on a table that was renamed would count as ours.
    SELECT string_agg(format('%s is on %s', index_name, (SELECT indrelid::regclass FROM pg_index WHERE indexrelid = to_regclass(index_name))), '; ')
    INTO trouble
    FROM (VALUES ('ux_users_email', 'users'),
                 ('ix_login_sessions_user_id', 'login_sessions'), ('ix_login_sessions_expires_at', 'login_sessions'),
                 ('ix_login_sessions_ended_at', 'login_sessions'),
                 ('ix_refresh_tokens_user_id', 'refresh_tokens'), ('ix_refresh_tokens_token_hash', 'refresh_tokens'),
                 ('ix_refresh_tokens_expires_at', 'refresh_tokens'), ('ux_refresh_tokens_family_generation', 'refresh_tokens'),
                 ('ux_audit_logs_session_generation_event', 'audit_logs'), ('ix_audit_logs_user_id', 'audit_logs'),
                 ('ix_audit_logs_created_at', 'audit_logs'), ('ix_audit_logs_event_type', 'audit_logs')) AS ours (index_name, relation)
    WHERE NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(index_name) AND indrelid = to_regclass(relation));
    IF trouble IS NOT NULL THEN
        RAISE EXCEPTION 'Indexes of other tables have the names of ours: %', trouble
            USING HINT = 'Nothing was changed. Rename them (ALTER INDEX … RENAME TO …) and start again.';
    END IF;

    ------------------------------------------------------------------------------------------------------------------
    -- Functions for an operator with psql
    ------------------------------------------------------------------------------------------------------------------

    IF EXISTS (SELECT FROM pg_proc WHERE oid = to_regprocedure('cleanup_expired_refresh_tokens(integer)')
               AND (proargnames[1] IS DISTINCT FROM 'retention_days' OR prorettype <> 'integer'::regtype)) THEN
        RAISE EXCEPTION 'Another function cleanup_expired_refresh_tokens(integer) is in the way'
            USING HINT = 'Nothing was changed. To keep it, run: ALTER FUNCTION cleanup_expired_refresh_tokens(integer) '
                'RENAME TO cleanup_refresh_tokens_before_latchkey; Then start again.';
    END IF;

    -- Deletes tokens that expired more than retention_days ago; a revoked one has to be revoked that long too, and never
    -- less than a minute, so that a retry inside its window still finds it. Returns how many it deleted.
    CREATE OR REPLACE FUNCTION cleanup_expired_refresh_tokens(retention_days integer) RETURNS integer
    LANGUAGE plpgsql AS $function$
    DECLARE
        deleted integer;
    BEGIN
        IF retention_days IS NULL OR retention_days < 0 THEN
            RAISE EXCEPTION 'retention_days has to be 0 or more, not %', coalesce(retention_days::text, 'null')
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        DELETE FROM refresh_tokens
        WHERE expires_at < now() - make_interval(days => retention_days)
          AND (revoked_at IS NULL
               OR revoked_at < now() - greatest(make_interval(days => retention_days), interval '1 minute'));
        GET DIAGNOSTICS deleted = ROW_COUNT;
        RETURN deleted;
    END
    $function$;

    -- Ends one session; nothing of it can be refreshed once this is committed. Returns 1, or 0 if it had ended or is unknown.
    CREATE OR REPLACE FUNCTION end_session(session uuid) RETURNS integer
    LANGUAGE plpgsql AS $function$
    DECLARE
        ended integer;
    BEGIN
        WITH over AS (
                UPDATE login_sessions SET ended_at = now(), end_reason = 'ADMIN'
                WHERE id = session AND ended_at IS NULL RETURNING id, user_id),
            gone AS (
                UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = 'ADMIN' FROM over
                WHERE t.family_id = session AND t.family_id = over.id AND t.revoked_at IS NULL),
            note AS (
                INSERT INTO audit_logs (event_type, user_id, session_id, details)
                SELECT 'SESSION_REVOKED', user_id, id, '{"reason": "ADMIN"}' FROM over)
        SELECT count(*) INTO ended FROM over;
        RETURN ended;
    END
    $function$;

    -- Ends all sessions of one user, also of a login that is just being answered. Returns how many it ended.
    CREATE OR REPLACE FUNCTION end_user_sessions(of_user uuid) RETURNS integer
    LANGUAGE plpgsql AS $function$
    DECLARE
        ended integer;
    BEGIN
        UPDATE users SET session_epoch = session_epoch + 1 WHERE id = of_user;
        WITH over AS (
                UPDATE login_sessions s SET ended_at = now(), end_reason = 'ADMIN' FROM users u
                WHERE u.id = of_user AND s.user_id = of_user AND s.user_epoch < u.session_epoch AND s.ended_at IS NULL
                RETURNING s.id, s.user_id),
            gone AS (
                UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = 'ADMIN' FROM over
                WHERE t.family_id = over.id AND t.revoked_at IS NULL),
            note AS (
                INSERT INTO audit_logs (event_type, user_id, session_id, details)
                SELECT 'SESSION_REVOKED', user_id, id, '{"reason": "ADMIN"}' FROM over)
        SELECT count(*) INTO ended FROM over;
        RETURN ended;
    END
    $function$;

    -- Ends every session of every user: after a restore from a backup, or after a secret leaked. Returns how many it ended.
    CREATE OR REPLACE FUNCTION end_all_sessions() RETURNS integer
    LANGUAGE plpgsql AS $function$
    DECLARE
        ended integer;
    BEGIN
        UPDATE users SET session_epoch = session_epoch + 1;
        WITH over AS (
                UPDATE login_sessions s SET ended_at = now(), end_reason = 'ADMIN' FROM users u
                WHERE u.id = s.user_id AND s.user_epoch < u.session_epoch AND s.ended_at IS NULL
                RETURNING s.id, s.user_id),
            gone AS (
                UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = 'ADMIN' FROM over
                WHERE t.family_id = over.id AND t.revoked_at IS NULL),
            note AS (
                INSERT INTO audit_logs (event_type, user_id, session_id, details)
                SELECT 'SESSION_REVOKED', user_id, id, '{"reason": "ADMIN"}' FROM over)
        SELECT count(*) INTO ended FROM over;
        RETURN ended;
    END
    $function$;
END
$migration$;
