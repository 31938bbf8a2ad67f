#!/usr/bin/env python3
"""Simulates days of refreshes in minutes and tells how the tables and indexes grow.

    size.py [--sessions N | --long] [--days N] [--ids random|time] [--set OPTIONS] [--sql SQL] CONNECTION

CONNECTION is what psql takes: postgresql://user:password@host:port/database, or "host=… dbname=…". Needs psql and Python 3, nothing else.
Everything happens in a schema of its own, latchkey_size, which is dropped before and after. Prints CSV: one line for each day.

How it is made:
- Tables come from the service's own migrations, the clean-up statement from ExpiredTokenCleanup.java. Time is shifted by a function now()
  that stands before PostgreSQL's own in the search path and reads a clock which the simulation sets.
- Every 15 simulated minutes each session is refreshed once, then one clean-up pass runs with the default retention (rotated tokens 1 day,
  expired ones 30 days; CLEANUP_SCHEDULE is 10 minutes). The rotation is RefreshTokens.ROTATE for a set of sessions at once, which is the one
  thing that is copied: see ROTATE below. The sessions of a tick come in 8 transactions, drawn anew each time, so that a page's dead
  versions can be pruned between two updates of that page, as it is when each rotation is a transaction of its own.
- Autovacuum runs on real time, so it is switched off for these tables, and VACUUM is called by the same rule: dead or inserted rows beyond
  the thresholds of the table's own settings, else of the server's. It comes one tick late, since on the full table a run takes minutes.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[3]
MIGRATIONS = ROOT / 'src/main/resources/db/migration'
CLEANUP = ROOT / 'src/main/java/dev/latchkey/cleanup/ExpiredTokenCleanup.java'
TICKS_A_DAY = 96
PARTS = 8

# As RefreshTokens.ROTATE, for all sessions of one part of a tick, one after the other, each at its own time.
ROTATE = """
    WITH due AS MATERIALIZED (
        SELECT session, generation, at, {id} AS successor
        FROM (SELECT *, now() + (of_part + random()) * interval '15 minutes' / {parts} AS at FROM head WHERE part = of_part) h
        ORDER BY at),
    old AS (
        UPDATE refresh_tokens t SET revoked_at = due.at, revoked_reason = 'ROTATED', replaced_by = due.successor
        FROM due, login_sessions s, users u
        WHERE t.family_id = due.session AND t.generation = due.generation AND NOT t.revoked AND (t.expires_at > now()) IS TRUE
          AND s.id = t.family_id AND s.ended_at IS NULL AND (s.expires_at > now()) IS TRUE
          AND u.id = s.user_id AND u.disabled_at IS NULL AND u.session_epoch = s.user_epoch
        RETURNING t.user_id, t.family_id, t.generation, t.replaced_by, due.at, s.expires_at AS session_expires_at),
    new AS (
        INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, created_at, expires_at, ip, user_agent)
        SELECT replaced_by, user_id, family_id, generation + 1,
               encode(sha256(convert_to(replaced_by::text, 'UTF8')), 'hex'),
               at, least(at + interval '30 days', session_expires_at), '203.0.113.77',
               'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
        FROM old
        RETURNING 1)
    SELECT count(*) FROM new"""

RANDOM_ID = 'gen_random_uuid()'
TIME_ID = """(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
               || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"""

SETUP = """
CREATE FUNCTION latchkey_size.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $f$ SELECT pg_catalog.current_setting('latchkey_size.now')::pg_catalog.timestamptz $f$;
SET latchkey_size.now = '2026-01-01 00:00+00';
SET search_path = latchkey_size, pg_catalog;
SET synchronous_commit = off;
SET enable_hashjoin = off; SET enable_mergejoin = off; -- nested loops keep the order of the rotations

INSERT INTO users (id, email) SELECT gen_random_uuid(), i || '@example.com' FROM generate_series(1, {sessions}) i;
INSERT INTO login_sessions (id, user_id, user_epoch, created_at, expires_at)
SELECT gen_random_uuid(), id, 0, now(), now() + interval '90 days' FROM users;
INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, created_at, expires_at, ip, user_agent)
SELECT {id}, user_id, id, 0, encode(sha256(convert_to(id::text, 'UTF8')), 'hex'),
       at, at + interval '30 days', '203.0.113.77',
       'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
FROM (SELECT *, now() - random() * interval '15 minutes' AS at FROM login_sessions ORDER BY at) s;

-- The simulation's own books: what the clients hold.
CREATE UNLOGGED TABLE head WITH (fillfactor = 50, autovacuum_enabled = false) AS
    SELECT id AS session, 0 AS generation, floor(random() * {parts})::integer AS part FROM login_sessions;
CREATE UNLOGGED TABLE latchkey_size.overdue (relation text PRIMARY KEY);
CREATE UNLOGGED TABLE latchkey_size.vacuums (n bigint);
INSERT INTO vacuums VALUES (0);

CREATE PROCEDURE tick() LANGUAGE plpgsql AS $p$
DECLARE
    of_part integer;
    rotated bigint;
    walked record;
    after_time timestamptz := '-infinity';
    after_id uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    FOR of_part IN 0..{parts} - 1 LOOP
        {rotate} INTO rotated;
        IF rotated <> (SELECT count(*) FROM head WHERE part = of_part) THEN
            RAISE EXCEPTION 'only % of % sessions were refreshed', rotated, (SELECT count(*) FROM head WHERE part = of_part);
        END IF;
        COMMIT;
    END LOOP;
    UPDATE head SET generation = generation + 1, part = floor(random() * {parts});
    PERFORM set_config('latchkey_size.now', (now() + interval '15 minutes')::text, false);
    COMMIT;
    LOOP
        EXECUTE $cleanup${cleanup}$cleanup$ INTO walked USING after_time, after_id, {walk_end}, {retention_days}, {rotated_retention};
        COMMIT;
        EXIT WHEN walked.id IS NULL;
        after_time := walked.expires_at;
        after_id := walked.id;
    END LOOP;
END
$p$;

-- As autovacuum decides, see relation_needs_vacanalyze in PostgreSQL's autovacuum.c.
CREATE VIEW due_for_vacuum AS
    SELECT relname FROM (
        SELECT c.relname::text, greatest(c.reltuples, 0) AS rows, s.n_dead_tup, s.n_ins_since_vacuum, c.oid,
               coalesce(o.options ->> 'autovacuum_vacuum_threshold', current_setting('autovacuum_vacuum_threshold'))::float8 AS dead_base,
               coalesce(o.options ->> 'autovacuum_vacuum_scale_factor', current_setting('autovacuum_vacuum_scale_factor'))::float8 AS dead_scale,
               coalesce(o.options ->> 'autovacuum_vacuum_insert_threshold', current_setting('autovacuum_vacuum_insert_threshold'))::float8 AS ins_base,
               coalesce(o.options ->> 'autovacuum_vacuum_insert_scale_factor', current_setting('autovacuum_vacuum_insert_scale_factor'))::float8 AS ins_scale
        FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid,
             LATERAL (SELECT jsonb_object_agg(option_name, option_value) AS options FROM pg_options_to_table(c.reloptions)) o
        WHERE c.relnamespace = 'latchkey_size'::regnamespace AND c.relname IN ('refresh_tokens', 'login_sessions', 'users')) t
    WHERE n_dead_tup > dead_base + dead_scale * rows OR n_ins_since_vacuum > ins_base + ins_scale * rows;
ANALYZE;
"""

TICK = """CALL tick();
SELECT format('VACUUM (ANALYZE) latchkey_size.%I', relation), 'UPDATE vacuums SET n = n + 1' FROM overdue \\gexec
DELETE FROM overdue;
SELECT pg_stat_force_next_flush() \\g /dev/null
INSERT INTO overdue SELECT relname FROM due_for_vacuum;
"""

HEADER = ('day,rows,dead_rows,heap_mb,refresh_tokens_pkey_mb,ix_user_id_mb,ix_token_hash_mb,ix_expires_at_mb,ux_family_generation_mb,'
          'total_mb,bytes_a_row,hot_percent,vacuums')
MEASURE = """WITH sizes AS (
    SELECT relname, pg_relation_size(oid) AS bytes FROM pg_class WHERE oid = 'refresh_tokens'::regclass OR oid IN
        (SELECT indexrelid FROM pg_index WHERE indrelid = 'refresh_tokens'::regclass)),
    counted AS (SELECT count(*) AS n FROM refresh_tokens),
    total AS (SELECT pg_total_relation_size('refresh_tokens') AS bytes),
    dead AS (SELECT n_dead_tup AS n, round(100.0 * n_tup_hot_upd / n_tup_upd, 1) AS hot FROM pg_stat_user_tables WHERE relid = 'refresh_tokens'::regclass)
SELECT concat_ws(',', {day}, counted.n, dead.n, {columns}, round(total.bytes / 1e6, 2), round(total.bytes / counted.n), dead.hot, vacuums.n)
FROM counted, total, dead, vacuums;
"""
RELATIONS = ['refresh_tokens', 'refresh_tokens_pkey', 'ix_refresh_tokens_user_id', 'ix_refresh_tokens_token_hash',
             'ix_refresh_tokens_expires_at', 'ux_refresh_tokens_family_generation']


def cleanup_statement():
    """PRUNE_TOKENS as the Java source has it, its parameters numbered."""
    source = CLEANUP.read_text()
    text = re.search(r'PRUNE_TOKENS = """\n(.*?)"""\s*\.formatted\(BATCH\)', source, re.S).group(1)
    batch = re.search(r'int BATCH = (\d+);', source).group(1)
    numbers = iter(range(1, 10))
    return re.sub(r'\?', lambda _: f'${next(numbers)}', text.replace('%d', batch))


def feed(pipe, script):
    try:
        with pipe:
            pipe.write('\n'.join(script))
    except BrokenPipeError:
        pass  # psql has said why


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('connection')
    parser.add_argument('--sessions', type=int, default=150, help='how many sessions (default 150: up to 2 minutes)')
    parser.add_argument('--days', type=int, default=30)
    parser.add_argument('--long', action='store_true', help='1,500 sessions: up to 15 minutes')
    parser.add_argument('--ids', choices=['random', 'time'], default='time', help='how the ids of successors are made (default time, as the service does)')
    parser.add_argument('--set', default='', help='storage parameters of refresh_tokens to try, such as "fillfactor = 80"')
    parser.add_argument('--sql', default='', help='other changes of the schema to try')
    parser.add_argument('--limit', type=float, default=1.5, help='fail if the last day is larger than that many times day 2')
    given = parser.parse_args()
    sessions = 1500 if given.long else given.sessions
    new_id = TIME_ID if given.ids == 'time' else RANDOM_ID

    psql = ['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', given.connection]
    script = ['SET client_min_messages = warning;',
              'DROP SCHEMA IF EXISTS latchkey_size CASCADE; CREATE SCHEMA latchkey_size; SET search_path = latchkey_size;']
    script += [path.read_text() for path in sorted(MIGRATIONS.glob('V*.sql'), key=lambda p: int(re.match(r'V(\d+)', p.name).group(1)))]
    script += [given.sql + ';'] if given.sql else []
    script += [f'ALTER TABLE refresh_tokens SET ({given.set});'] if given.set else []
    script += [f'ALTER TABLE {t} SET (autovacuum_enabled = false);' for t in ('refresh_tokens', 'login_sessions', 'users', 'audit_logs')]
    script.append(SETUP.format(sessions=sessions, parts=PARTS, id=new_id, rotate=ROTATE.format(id=new_id, parts=PARTS), cleanup=cleanup_statement(),
                               walk_end=29 * 86400, retention_days=30, rotated_retention=86400))
    columns = ', '.join(f"(SELECT round(bytes / 1e6, 2) FROM sizes WHERE relname = '{name}')" for name in RELATIONS)
    for day in range(1, given.days + 1):
        script += [TICK] * TICKS_A_DAY
        script.append(MEASURE.format(day=day, columns=columns))
    script.append('DROP SCHEMA latchkey_size CASCADE;')

    print(HEADER, flush=True)
    totals = {}
    with subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        threading.Thread(target=feed, args=(running.stdin, script), daemon=True).start()
        for line in running.stdout:
            if re.match(r'\d+,\d+,', line):
                print(line, end='', flush=True)
                fields = line.split(',')
                totals[int(fields[0])] = float(fields[9])
    if running.returncode != 0:
        sys.exit('psql failed')
    if given.days > 2:
        ratio = totals[given.days] / totals[2]
        print(f'# day {given.days} / day 2: {ratio:.3f}', flush=True)
        sys.exit(0 if ratio <= given.limit else 1)


if __name__ == '__main__':
    main()
