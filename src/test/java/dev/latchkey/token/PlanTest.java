package dev.latchkey.token;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Db;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Postgres;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The hot statements on a million rows: they find their rows by the unique indexes, whatever the statistics say. */
@Tag("slow")
class PlanTest {

    private static final int SESSIONS = 100_000;
    private static final int GENERATIONS = 10;
    private static final String LIVE = "now() + interval '30 days', NULL, NULL";
    private static final String EXPIRED = "now() - interval '30 days', NULL, NULL";
    private static final String REVOKED = "now() + interval '30 days', now() - interval '1 hour', 'LOGOUT'";
    private static final Pattern SCAN_OF_TOKENS = Pattern.compile("(\\S.*Scan.*) on refresh_tokens");

    private static Postgres postgres;
    private static OneDatabase database;
    private static Connection connection;

    @BeforeAll
    static void migrate() throws Exception {
        postgres = Postgres.start();
        database = postgres.database();
        connection = Db.connect(database.url());
        database.execute(OneDatabase.MIGRATION);
        execute("ALTER TABLE refresh_tokens SET (autovacuum_enabled = false)");
        execute("ALTER TABLE login_sessions SET (autovacuum_enabled = false)");
        execute("INSERT INTO users (id, email) SELECT gen_random_uuid(), 'user-' || n FROM generate_series(1, 1000) n");
        execute("""
                INSERT INTO login_sessions (id, user_id, user_epoch, expires_at)
                SELECT gen_random_uuid(), u.id, 0, now() + interval '90 days'
                FROM (SELECT id, row_number() OVER () - 1 AS place FROM users) u, generate_series(0, %d) n WHERE n %% 1000 = place
                """.formatted(SESSIONS - 1));
        execute("ANALYZE users, login_sessions");
    }

    @AfterAll
    static void close() throws Exception {
        connection.close();
        postgres.close();
    }

    @Test
    void with_statistics_of_an_empty_table_and_of_live_rows() throws Exception {
        execute("TRUNCATE refresh_tokens");
        execute("ANALYZE refresh_tokens");
        load(LIVE);
        assertIndexPlans("statistics of no row");
        execute("ANALYZE refresh_tokens");
        assertIndexPlans("statistics of live rows only");
    }

    @Test
    void with_statistics_of_expired_rows() throws Exception {
        execute("TRUNCATE refresh_tokens");
        load(EXPIRED);
        execute("ANALYZE refresh_tokens");
        assertIndexPlans("statistics of expired rows only");
    }

    @Test
    void with_statistics_of_revoked_rows() throws Exception {
        execute("TRUNCATE refresh_tokens");
        load(REVOKED);
        execute("ANALYZE refresh_tokens");
        assertIndexPlans("statistics of revoked rows only");
    }

    @Test
    void rotations_are_hot_updates() throws Exception {
        execute("TRUNCATE refresh_tokens");
        execute("""
                INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at)
                SELECT gen_random_uuid(), user_id, id, 0, id || '-0', now() + interval '30 days' FROM login_sessions LIMIT 200
                """);
        Object[] sessions = Db.rows(connection, "SELECT family_id FROM refresh_tokens").stream()
                .map(row -> row.get("family_id"))
                .toArray();
        for (int generation = 0; generation < 20; generation++) {
            for (Object session : sessions) {
                int rotated = Db.rows(
                                connection,
                                RefreshTokens.ROTATE,
                                UUID.randomUUID(),
                                session,
                                generation,
                                session + "-" + generation,
                                session + "-" + (generation + 1),
                                2_592_000L,
                                "127.0.0.1",
                                "a browser of some length/1.0 (for the width of the rows)")
                        .size();
                assertThat(rotated).isEqualTo(1);
            }
        }
        execute("SELECT pg_stat_force_next_flush()");
        var statistics = Db.rows(
                        connection,
                        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'refresh_tokens'")
                .get(0);
        long updates = (Long) statistics.get("n_tup_upd");
        long hot = (Long) statistics.get("n_tup_hot_upd");
        System.out.printf("%d of %d updates were HOT%n", hot, updates);
        assertThat(updates).isEqualTo(200 * 20);
        assertThat(hot).isGreaterThan(updates * 98 / 100);
    }

    private static void assertIndexPlans(String when) throws SQLException {
        assertOnlyUniqueIndexes(when, RefreshTokens.ROTATE);
        assertOnlyUniqueIndexes(when, RefreshTokens.ROTATE_MANY);
        assertOnlyUniqueIndexes(when, RefreshTokens.LOOK);
    }

    private static void assertOnlyUniqueIndexes(String when, String sql) throws SQLException {
        for (String mode : new String[] {"force_custom_plan", "force_generic_plan"}) {
            String plan = plan(mode, sql);
            Matcher scans = SCAN_OF_TOKENS.matcher(plan.replaceAll("Tid Scan on \\S+", ""));
            int count = 0;
            while (scans.find()) {
                count++;
                assertThat(scans.group(1))
                        .as("%s:%n%s", when, plan)
                        .containsPattern("using (ix_refresh_tokens_token_hash|ux_refresh_tokens_family_generation)");
            }
            assertThat(count).as("%s:%n%s", when, plan).isPositive();
            assertThat(plan).as(when).doesNotContain("Seq Scan on login_sessions");
        }
    }

    /** As a prepared statement is planned: for its values at first, and once for all later. */
    private static String plan(String mode, String sql) throws SQLException {
        Object session = Db.rows(connection, "SELECT family_id FROM refresh_tokens LIMIT 1")
                .get(0)
                .get("family_id");
        String id = "'" + session + "'";
        String hash = "'" + "0".repeat(64) + "'";
        String values =
                switch (sql) {
                    case RefreshTokens.ROTATE ->
                        String.join(", ", id, id, "5", hash, hash, "2592000", "'127.0.0.1'", "'agent'");
                    case RefreshTokens.ROTATE_MANY -> {
                        String ids = many(id, "uuid");
                        String texts = many(hash, "text");
                        yield String.join(", ", ids, many("5", "integer"), texts, ids, texts, texts, texts, "2592000");
                    }
                    default -> String.join(", ", id, "5", hash, id, "30", "64");
                };
        String numbered = sql;
        for (int i = 1; numbered.contains("?"); i++) {
            numbered = numbered.replaceFirst("\\?", "\\$" + i);
        }
        execute("SET plan_cache_mode = " + mode);
        execute("PREPARE hot AS " + numbered);
        try {
            return explain("EXPLAIN EXECUTE hot (" + values + ")");
        } finally {
            execute("DEALLOCATE hot");
        }
    }

    private static String many(String value, String type) {
        return "array_fill(" + value + "::" + type + ", ARRAY[64])";
    }

    private static String explain(String explain) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet lines = statement.executeQuery(explain)) {
            StringBuilder plan = new StringBuilder();
            while (lines.next()) {
                plan.append(lines.getString(1)).append('\n');
            }
            return plan.toString();
        }
    }

    /** A million tokens; the indexes are made afterwards, by the migration, which is faster. */
    private static void load(String state) throws Exception {
        execute("DROP INDEX ix_refresh_tokens_user_id, ix_refresh_tokens_token_hash, ix_refresh_tokens_expires_at,"
                + " ux_refresh_tokens_family_generation");
        execute("ALTER TABLE refresh_tokens DROP CONSTRAINT refresh_tokens_user_id_fkey");
        execute("""
                INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at, revoked_at, revoked_reason)
                SELECT gen_random_uuid(), user_id, s.id, n, md5(s.id || '-' || n) || md5(n || '-' || s.id), %s
                FROM login_sessions s, generate_series(0, %d) n
                """.formatted(state, GENERATIONS - 1));
        execute(
                "ALTER TABLE refresh_tokens ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID");
        database.execute(OneDatabase.MIGRATION);
    }

    private static void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
