-- Turns refresh_tokens into a table that is hash-partitioned by family_id, the session. An option for large installations: no migration
-- does it, and the service runs with either. After V1:
--   psql -d latchkey -v ON_ERROR_STOP=1 -v partitions=8 -f partitioned.sql
-- As the owner of the table, while no replica runs: the table is locked, for a second per 100 thousand sessions or so. Only what a
-- session still needs is copied: tokens that are not rotated, and those rotated within the last hour. Reuse of an older one is detected
-- without its row. Everything happens or nothing; on a table that is partitioned already, nothing.

\if :{?partitions}
\else
    \set partitions 8
\endif
SELECT set_config('latchkey.partitions', :'partitions', false) \g /dev/null

DO $partition$
DECLARE
    partitions integer := current_setting('latchkey.partitions')::integer;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('refresh_tokens')) = 'p' THEN
        RAISE NOTICE 'refresh_tokens is partitioned already';
        RETURN;
    END IF;
    IF partitions NOT BETWEEN 2 AND 256 THEN
        RAISE EXCEPTION 'partitions has to be 2 to 256, not %', partitions;
    END IF;

    LOCK TABLE refresh_tokens IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE refresh_tokens RENAME TO refresh_tokens_whole;
    ALTER TABLE refresh_tokens_whole DROP CONSTRAINT refresh_tokens_pkey;
    DROP INDEX ix_refresh_tokens_user_id, ix_refresh_tokens_token_hash, ix_refresh_tokens_expires_at, ux_refresh_tokens_family_generation;

    CREATE TABLE refresh_tokens (LIKE refresh_tokens_whole INCLUDING DEFAULTS INCLUDING GENERATED) PARTITION BY HASH (family_id);
    FOR part IN 0..partitions - 1 LOOP
        EXECUTE format('CREATE TABLE refresh_tokens_%1$s PARTITION OF refresh_tokens FOR VALUES WITH (MODULUS %2$s, REMAINDER %1$s)'
                       ' WITH (fillfactor = 70)', part, partitions);
    END LOOP;
    INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, created_at, expires_at, revoked_at, revoked_reason,
                                replaced_by, ip, user_agent)
    SELECT id, user_id, family_id, generation, token_hash, created_at, expires_at, revoked_at, revoked_reason, replaced_by, ip, user_agent
    FROM refresh_tokens_whole
    WHERE revoked_reason IS DISTINCT FROM 'ROTATED' OR revoked_at > now() - interval '1 hour';
    DROP TABLE refresh_tokens_whole;

    -- What is unique has to contain what it is partitioned by. An id still comes first: ids grow with time.
    ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id, family_id);
    CREATE UNIQUE INDEX ix_refresh_tokens_token_hash ON refresh_tokens (family_id, token_hash);
    CREATE UNIQUE INDEX ux_refresh_tokens_family_generation ON refresh_tokens (family_id, generation);
    CREATE INDEX ix_refresh_tokens_user_id ON refresh_tokens (user_id);
    CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at);
    ALTER TABLE refresh_tokens ADD CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
END
$partition$;
ANALYZE refresh_tokens;
