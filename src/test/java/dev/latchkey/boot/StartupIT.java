package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whatever is wrong stops the start-up in seconds, with a sentence that names the environment variable or the mend. */
@Tag("slow")
class StartupIT {

    private static final String NOWHERE = "jdbc:postgresql://localhost:1/latchkey";

    private static Postgres postgres;
    private static OneDatabase migrated;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        migrated = postgres.newDatabase();
        Attempt migration = Attempt.run(migrated.settings(), "migrate");
        assertThat(migration.exitCode()).as(migration.output()).isZero();
    }

    @AfterAll
    static void stop() {
        postgres.close();
    }

    @Test
    void settings_that_are_missing_or_can_not_be_read_are_named_together() {
        Map<String, String> noSecrets = Packaged.settings(NOWHERE);
        noSecrets.remove("JWT_ACCESS_SECRET");
        noSecrets.put("JWT_REFRESH_SECRET", "");
        Map<String, String> noDatabase = Packaged.settings(NOWHERE);
        noDatabase.remove("DB_URL");
        Map<String, String> unreadable = Packaged.settings(NOWHERE);
        unreadable.put("ACCESS_TOKEN_TTL", "abc");
        unreadable.put("REUSE_ACTION", "SHRUG");
        unreadable.put("CLEANUP_RETENTION_DAYS", "many");
        Map<String, String> badPort = Packaged.settings(NOWHERE);
        badPort.put("HTTP_PORT", "http");
        Map<String, String> badUrl = Packaged.settings("postgresql://owner:the-password@localhost/latchkey");
        Map<String, String> noPool = Packaged.settings(NOWHERE);
        noPool.put("DB_POOL_SIZE", "0");
        Map<String, String> noPassword = Packaged.settings(NOWHERE);
        noPassword.remove("DB_PASSWORD");

        List<String> failures =
                Attempt.failures(List.of(noSecrets, noDatabase, unreadable, badPort, badUrl, noPool, noPassword));

        assertThat(failures.get(0)).contains("JWT_ACCESS_SECRET is not set", "JWT_REFRESH_SECRET is empty");
        assertThat(failures.get(1)).contains("DB_URL is not set");
        assertThat(failures.get(2))
                .contains("ACCESS_TOKEN_TTL can't be 'abc'", "REUSE_ACTION can't be 'SHRUG'")
                .contains("CLEANUP_RETENTION_DAYS can't be 'many'");
        assertThat(failures.get(3)).contains("HTTP_PORT can't be 'http'");
        assertThat(failures.get(4)).contains("DB_URL", "jdbc:postgresql://").doesNotContain("the-password");
        assertThat(failures.get(5)).contains("DB_POOL_SIZE has to be 1 or more");
        assertThat(failures.get(6)).contains("DB_PASSWORD is not set");
    }

    @Test
    void settings_that_do_not_go_together_are_named_together_and_before_the_database_is_asked() {
        String secret = "replace-me-with-the-output-of-openssl-rand-base64-48";
        Map<String, String> settings = Packaged.settings(NOWHERE);
        settings.put("JWT_ACCESS_SECRET", secret);
        settings.put("JWT_ACCESS_SECRET_PREVIOUS", "too short");
        settings.put("JWT_REFRESH_SECRET", secret);
        settings.put("JWT_REFRESH_SECRET_PREVIOUS", "x".repeat(48));
        settings.put("ACCESS_TOKEN_TTL", "1m");
        settings.put("RETRY_WINDOW", "61s");
        settings.put("ROTATED_RETENTION", "50s");
        settings.put("REFRESH_TOKEN_TTL", "91d");
        settings.put("CORS_ORIGINS", "https://app.example.org,app.example.org/");

        String failure = Attempt.failure(settings);

        assertThat(failure)
                .contains("JWT_ACCESS_SECRET is the one of .env.example")
                .contains("JWT_REFRESH_SECRET is the one of .env.example")
                .contains("JWT_REFRESH_SECRET has to differ from JWT_ACCESS_SECRET")
                .contains("JWT_ACCESS_SECRET_PREVIOUS has to have at least 32 bytes")
                .contains("JWT_REFRESH_SECRET_PREVIOUS is one character repeated")
                .contains("RETRY_WINDOW has to be from 1s to 60s")
                .contains("RETRY_WINDOW may be at most half of ACCESS_TOKEN_TTL")
                .contains("RETRY_WINDOW has to be shorter than ROTATED_RETENTION")
                .contains("REFRESH_TOKEN_TTL has to be shorter than SESSION_MAX_TTL")
                .contains("CORS_ORIGINS: 'app.example.org/' is not an origin")
                .doesNotContain(secret, "too short", "xxx");
    }

    @Test
    void a_port_that_is_in_use_is_named() throws IOException {
        try (ServerSocket taken = new ServerSocket(0)) {
            String port = Integer.toString(taken.getLocalPort());

            List<String> failures = Attempt.failures(
                    List.of(migrated.settings("HTTP_PORT", port), migrated.settings("MANAGEMENT_PORT", port)));

            assertThat(failures.get(0)).contains(port, "HTTP_PORT");
            assertThat(failures.get(1)).contains("MANAGEMENT_PORT").doesNotContain("HTTP_PORT");
        }
    }

    @Test
    void a_database_that_can_not_be_used_is_told_by_its_setting() throws IOException {
        Path rules = Path.of((String) postgres.database().value("SHOW hba_file"));
        postgres.database().execute("CREATE ROLE picky LOGIN PASSWORD 'the right password'");
        Files.writeString(rules, "host all picky all scram-sha-256\n" + Files.readString(rules));
        postgres.database().execute("SELECT pg_reload_conf()");
        OneDatabase serializable = postgres.newDatabase();
        serializable.execute(
                "ALTER DATABASE " + serializable.name() + " SET default_transaction_isolation = 'repeatable read'");

        String refused = Attempt.failure(Packaged.settings(NOWHERE));
        List<String> failures = Attempt.failures(List.of(
                serializable.settings(),
                migrated.settings("DB_USER", "picky", "DB_PASSWORD", "a wrong password", "DB_TIMEOUT", "1s"),
                postgres.database("none_such").settings("DB_TIMEOUT", "1s")));

        assertThat(refused).contains("DB_URL", "refused");
        assertThat(failures.get(0)).contains("default_transaction_isolation", "read committed");
        assertThat(failures.get(1)).contains("DB_PASSWORD").doesNotContain("a wrong password");
        assertThat(failures.get(2)).contains("DB_URL", "\"none_such\" does not exist");
    }

    @Test
    void a_database_that_may_forget_what_it_has_answered_is_warned_of() {
        OneDatabase forgetful = copyOfMigrated();
        forgetful.execute("ALTER DATABASE " + forgetful.name() + " SET synchronous_commit = 'remote_write'");
        OneDatabase durable = copyOfMigrated();
        durable.execute("ALTER DATABASE " + durable.name() + " SET synchronous_commit = 'on'");

        List<Packaged> started = Packaged.startAll(List.of(forgetful.settings(), durable.settings()));
        started.forEach(Packaged::close);

        assertThat(started.get(0).output()).contains("synchronous_commit is 'remote_write'");
        assertThat(started.get(1).output()).doesNotContain("synchronous_commit");
    }

    @Test
    void a_schema_that_was_changed_by_hand_is_told_with_its_mend() {
        OneDatabase lacksColumn = copyOfMigrated();
        lacksColumn.execute("ALTER TABLE login_sessions DROP COLUMN device");
        OneDatabase lacksAuditIndex = copyOfMigrated();
        lacksAuditIndex.execute("DROP INDEX ux_audit_logs_session_generation_event");
        OneDatabase lacksHashIndex = copyOfMigrated();
        lacksHashIndex.execute("DROP INDEX ix_refresh_tokens_token_hash");
        OneDatabase lacksGenerationIndex = copyOfMigrated();
        lacksGenerationIndex.execute("DROP INDEX ux_refresh_tokens_family_generation;"
                + "CREATE INDEX ux_refresh_tokens_family_generation ON refresh_tokens (family_id, generation)");

        List<String> failures = Attempt.failures(List.of(
                lacksColumn.settings(),
                lacksHashIndex.settings(),
                lacksGenerationIndex.settings(),
                lacksAuditIndex.settings()));

        assertThat(failures.get(0)).contains("login_sessions", "device", "V1__refresh_token_rotation.sql");
        assertThat(failures.get(3))
                .contains("lacks the unique index of audit_logs on (session_id, generation, event_type)");
        assertThat(failures.get(1)).contains("refresh_tokens lacks its unique index on (token_hash)");
        assertThat(failures.get(2)).contains("refresh_tokens lacks its unique index on (family_id, generation)");
    }

    @Test
    void after_the_three_drops_of_the_seed_documents_the_mend_that_is_named_works() {
        OneDatabase database = copyOfMigrated();
        database.execute("""
                DROP TABLE IF EXISTS refresh_tokens CASCADE;
                DROP TABLE IF EXISTS audit_logs CASCADE;
                DROP FUNCTION IF EXISTS cleanup_expired_refresh_tokens(INTEGER);
                """);

        String failure = Attempt.failure(database.settings());

        assertThat(failure)
                .contains("lacks refresh_tokens, audit_logs, cleanup_expired_refresh_tokens(integer)")
                .contains("Run V1__refresh_token_rotation.sql");
        database.execute(OneDatabase.MIGRATION);
        startsAndRotates(database);
    }

    @Test
    void tables_of_the_first_seed_document_are_in_the_way_until_its_hint_was_followed() {
        tablesInTheWay("""
                CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email varchar(255) NOT NULL UNIQUE);
                CREATE TABLE refresh_tokens (
                    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
                    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    token_hash varchar(64) NOT NULL UNIQUE,
                    family_id  uuid        NOT NULL,
                    revoked    boolean     NOT NULL DEFAULT false,
                    expires_at timestamp   NOT NULL,
                    created_at timestamp   NOT NULL DEFAULT now(),
                    ip_address varchar(45),
                    user_agent text
                );
                CREATE INDEX idx_refresh_tokens_user_id ON refresh_tokens (user_id);
                CREATE TABLE audit_logs (
                    id         serial       PRIMARY KEY,
                    user_id    uuid         REFERENCES users (id),
                    event_type varchar(100) NOT NULL,
                    details    jsonb,
                    created_at timestamp    DEFAULT now()
                );
                CREATE INDEX ix_audit_logs_event_type ON audit_logs (event_type);
                CREATE FUNCTION cleanup_expired_refresh_tokens(retention_days integer) RETURNS integer LANGUAGE plpgsql AS $$
                BEGIN
                    DELETE FROM refresh_tokens WHERE expires_at < now() - make_interval(days => retention_days);
                    RETURN 0;
                END $$;
                INSERT INTO users (email) VALUES ('ada@example.org');
                INSERT INTO refresh_tokens (user_id, token_hash, family_id, expires_at)
                SELECT id, 'of old', gen_random_uuid(), now() FROM users;
                """, "audit_logs, refresh_tokens");
    }

    @Test
    void tables_of_the_second_seed_document_are_in_the_way_until_its_hint_was_followed() {
        tablesInTheWay("""
                CREATE TABLE users (id uuid PRIMARY KEY, email varchar NOT NULL UNIQUE, password_hash varchar NOT NULL);
                CREATE TABLE refresh_tokens (
                    id         uuid        PRIMARY KEY,
                    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    token_hash varchar     NOT NULL,
                    expires_at timestamptz NOT NULL,
                    is_revoked boolean     NOT NULL DEFAULT false,
                    created_at timestamptz NOT NULL DEFAULT now(),
                    revoked_at timestamptz
                );
                CREATE INDEX ix_refresh_tokens_user_id ON refresh_tokens (user_id);
                CREATE UNIQUE INDEX ix_refresh_tokens_token_hash ON refresh_tokens (token_hash);
                CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at);
                INSERT INTO users VALUES (gen_random_uuid(), 'ada@example.org', 'a hash');
                INSERT INTO refresh_tokens (id, user_id, token_hash, expires_at)
                SELECT gen_random_uuid(), id, 'of old', now() FROM users;
                """, "refresh_tokens");
    }

    private static void tablesInTheWay(String seed, String inTheWay) {
        OneDatabase database = postgres.newDatabase();
        database.execute(seed);
        String failure = Attempt.failure(database.settings());

        assertThat(failure).contains("Tables of another shape are in the way: " + inTheWay, "Nothing was changed");
        Matcher hint = Pattern.compile("run: (.*;) Then start again").matcher(failure);
        assertThat(hint.find()).as(failure).isTrue();
        database.execute(hint.group(1));
        startsAndRotates(database);
        assertThat(database.count("SELECT count(*) FROM refresh_tokens_before_latchkey WHERE token_hash = 'of old'"))
                .isEqualTo(1);
        assertThat(database.count("SELECT count(*) FROM users WHERE email = 'ada@example.org'"))
                .isEqualTo(1);
    }

    private static void startsAndRotates(OneDatabase database) {
        try (Packaged packaged = Packaged.start(database.settings())) {
            String token = packaged.api().newSession().refreshToken();
            assertThat(packaged.api().refresh(token).status()).isEqualTo(200);
        }
    }

    private static OneDatabase copyOfMigrated() {
        return postgres.copyOf(migrated);
    }
}
