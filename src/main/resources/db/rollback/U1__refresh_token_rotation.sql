-- Takes V1 back: drops Latchkey's tables and functions with all sessions, tokens and audit rows, and tidies Flyway's
-- history. Never touches users: the columns that V1 added to it stay, so that no account is lost.

DO $rollback$
DECLARE
    others text;
BEGIN
    SELECT string_agg(relation, ', ') INTO others
    FROM (VALUES ('refresh_tokens', 'family_id'), ('login_sessions', 'user_epoch'), ('audit_logs', 'event_type')) AS ours (relation, mark)
    WHERE to_regclass(relation) IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(relation) AND attname = mark AND NOT attisdropped);
    IF others IS NOT NULL THEN
        RAISE EXCEPTION 'These tables are not Latchkey''s: %', others USING HINT = 'Nothing was dropped.';
    END IF;

    DROP FUNCTION IF EXISTS cleanup_expired_refresh_tokens(integer), end_session(uuid), end_user_sessions(uuid), end_all_sessions();
    DROP TABLE IF EXISTS refresh_tokens, login_sessions, audit_logs;

    IF to_regclass('latchkey_schema_history') IS NOT NULL THEN
        DELETE FROM latchkey_schema_history WHERE version = '1';
    END IF;
END
$rollback$;
