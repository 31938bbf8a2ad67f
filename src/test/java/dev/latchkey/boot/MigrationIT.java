package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The schema comes, is told, is checked and goes, by the service's commands, by its boot and by psql. */
@Tag("slow")
class MigrationIT {

    private static final String TABLES = """
            SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            """;

    // Everything that a migration makes, as text.
    private static final String SHAPE = """
            SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
                SELECT format('%s.%s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
                              pg_get_expr(adbin, adrelid)) AS line
                FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                WHERE attnum > 0 AND NOT attisdropped AND attrelid::regclass::text IN ('users', 'login_sessions', 'refresh_tokens', 'audit_logs')
                UNION ALL
                SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indrelid
                WHERE relnamespace = 'public'::regnamespace AND relname <> 'latchkey_schema_history'
                UNION ALL
                SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('latchkey_schema_history'), 0)
                UNION ALL
                SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace) AS all_of_it
            """;

    private static Postgres postgres;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
    }

    @AfterAll
    static void stop() {
        postgres.close();
    }

    @Test
    void the_commands_migrate_tell_the_version_and_go_back_without_opening_a_port() throws IOException {
        OneDatabase database = postgres.newDatabase();
        try (ServerSocket taken = new ServerSocket(0)) { // a command that opened its ports would fail
            String port = Integer.toString(taken.getLocalPort());
            Map<String, String> settings = database.settings("HTTP_PORT", port, "MANAGEMENT_PORT", port);

            assertThat(Attempt.run(settings, "version").printed()).isEqualTo("Schema version none, 1 pending");
            assertThat(database.value(TABLES)).isNull();
            assertThat(Attempt.run(settings, "migrate").printed()).isEqualTo("Schema version 1");
            assertThat(Attempt.run(settings, "migrate").printed()).isEqualTo("Schema version 1");
            assertThat(Attempt.run(settings, "version").printed()).isEqualTo("Schema version 1");
            database.execute("INSERT INTO users (email, password_hash) VALUES ('ada@example.org', 'a hash')");
            assertThat(Attempt.run(settings, "rollback").printed()).startsWith("Rolled back; schema version");
            assertThat(database.value(TABLES)).isEqualTo("latchkey_schema_history users");
            Attempt unknown = Attempt.run(settings, "frobnicate");
            assertThat(unknown.exitCode()).isEqualTo(2);
            assertThat(unknown.output()).contains("Say one of: serve, migrate, version, rollback");
        }

        try (Packaged packaged = Packaged.start(database.settings())) {
            assertThat(packaged.api().newSession()).isNotNull();
        }
        assertThat(database.count(
                        "SELECT count(*) FROM users WHERE email = 'ada@example.org' AND password_hash = 'a hash'"))
                .isEqualTo(1);
    }

    @Test
    void by_hand_the_migration_runs_twice_and_leaves_what_the_boot_leaves() {
        OneDatabase byHand = postgres.newDatabase();
        byHand.execute(OneDatabase.MIGRATION);
        Object once = byHand.value(SHAPE);
        byHand.execute(OneDatabase.MIGRATION);
        assertThat(byHand.value(SHAPE)).isEqualTo(once);

        OneDatabase byBoot = postgres.newDatabase();
        Attempt.run(byBoot.settings(), "migrate");
        assertThat(byBoot.value(SHAPE)).isEqualTo(once);

        byHand.execute(OneDatabase.ROLLBACK);
        byHand.execute(OneDatabase.ROLLBACK);
        assertThat(byHand.value(TABLES)).isEqualTo("users");
        byHand.execute(OneDatabase.MIGRATION);
        assertThat(byHand.value(SHAPE)).isEqualTo(once);
    }

    @Test
    void three_replicas_that_boot_at_once_on_an_empty_database_all_start() {
        OneDatabase database = postgres.newDatabase();
        Map<String, String> settings = database.settings();
        List<Packaged> replicas = Packaged.startAll(List.of(settings, settings, settings));
        try {
            String token = replicas.get(0).api().newSession().refreshToken();
            assertThat(replicas.get(1).api().refresh(token).status()).isEqualTo(200);
            assertThat(replicas.get(2).api().refresh(token).status()).isEqualTo(200);
        } finally {
            replicas.forEach(Packaged::close);
        }
        assertThat(database.count("SELECT count(*) FROM latchkey_schema_history WHERE version = '1'"))
                .isEqualTo(1);
    }

    @Test
    void an_applications_own_users_are_used_and_added_to_and_nothing_is_lost() {
        OneDatabase database = postgres.newDatabase();
        database.execute("""
                CREATE TABLE users (
                    id            uuid         PRIMARY KEY,
                    email         varchar(100) NOT NULL UNIQUE,
                    password_hash varchar(100),
                    display_name  text         NOT NULL DEFAULT 'nobody',
                    "group"       integer,
                    roles         text[]
                );
                INSERT INTO users VALUES ('00000000-0000-4000-8000-000000000001', 'Ada@example.org', NULL, 'Ada', 7);
                CREATE TABLE unrelated (id integer);
                """);

        try (Packaged packaged = Packaged.start(database.settings())) {
            assertThat(packaged.api().login("ada@example.org", Api.PASSWORD).code())
                    .isEqualTo("invalid_credentials");
            assertThat(packaged.api().register("ADA@example.org", Api.PASSWORD).code())
                    .isEqualTo("email_taken");
            Api.Session session = packaged.api().newSession();
            assertThat(packaged.api().refresh(session.refreshToken()).status()).isEqualTo(200);
            assertThat(packaged.api().me(session.accessToken()).json().getJsonArray("roles"))
                    .isEmpty();
            assertThat(packaged.api()
                            .register("x".repeat(100) + "@example.org", Api.PASSWORD)
                            .code())
                    .isEqualTo("invalid_request");
        }

        Map<String, Object> ada = database.rows("SELECT * FROM users WHERE email = 'Ada@example.org'")
                .get(0);
        assertThat(ada)
                .containsEntry("display_name", "Ada")
                .containsEntry("group", 7)
                .containsEntry("session_epoch", 0);
        assertThat(ada.get("roles")).isNull();
        assertThat(database.value(
                        "SELECT string_agg(version, ' ' ORDER BY installed_rank) FROM latchkey_schema_history"))
                .isEqualTo("0 1");
        database.execute(OneDatabase.ROLLBACK);
        assertThat(database.value(TABLES)).isEqualTo("latchkey_schema_history unrelated users");
        assertThat(database.count("SELECT count(*) FROM users WHERE display_name = 'Ada'"))
                .isEqualTo(1);
    }

    @Test
    void users_that_do_not_fit_stop_the_migration_and_nothing_is_changed() {
        assertStops("CREATE TABLE users (id bigint PRIMARY KEY, email text)", "id is bigint, not uuid");
        assertStops(
                "CREATE TABLE users (id uuid PRIMARY KEY, email integer, roles text)",
                "email is integer, not text; roles is text, not text[]");
        assertStops("CREATE TABLE users (id uuid, email text)", "no unique column id of type uuid");
        assertStops("CREATE TABLE users (uid uuid PRIMARY KEY, email text)", "no unique column id of type uuid");
        assertStops("""
                CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text);
                INSERT INTO users (email) VALUES ('ada@example.org'), ('Ada@example.org'), ('bob@example.org');
                """, "has 1 e-mail addresses that differ only in upper and lower case");

        OneDatabase database = postgres.newDatabase();
        database.execute("CREATE TABLE users (id bigint PRIMARY KEY, email text)");
        assertThat(Attempt.failure(database.settings())).contains("id is bigint, not uuid", "Nothing was changed");
    }

    private static void assertStops(String users, String message) {
        OneDatabase database = postgres.newDatabase();
        database.execute(users);
        Object shape = database.value(SHAPE);

        assertThatThrownBy(() -> database.execute(OneDatabase.MIGRATION)).hasMessageContaining(message);

        assertThat(database.value(SHAPE)).isEqualTo(shape);
        assertThat(database.value(TABLES)).isEqualTo("users");
    }

    @Test
    void a_column_that_registration_can_not_fill_is_named_and_is_no_trouble_without_registration() {
        OneDatabase database = postgres.newDatabase();
        database.execute(
                "CREATE TABLE users (id uuid PRIMARY KEY, email text, tenant integer NOT NULL, born date NOT NULL)");

        assertThat(Attempt.failure(database.settings())).contains("tenant, born", "REGISTRATION_ENABLED=false");

        Packaged.start(database.settings("REGISTRATION_ENABLED", "false")).close();
    }

    @Test
    void without_migration_at_boot_the_schema_is_only_checked() {
        OneDatabase database = postgres.newDatabase();
        Map<String, String> settings = database.settings("MIGRATE_AT_BOOT", "false");

        assertThat(Attempt.failure(settings))
                .contains("lacks users, login_sessions, refresh_tokens, audit_logs")
                .contains("V1__refresh_token_rotation.sql");
        assertThat(database.value(TABLES)).isNull();

        database.execute(OneDatabase.MIGRATION);
        try (Packaged packaged = Packaged.start(settings)) {
            assertThat(packaged.api().newSession()).isNotNull();
        }
        assertThat(database.value(TABLES)).isEqualTo("audit_logs login_sessions refresh_tokens users");
    }

    @Test
    void a_role_of_its_own_migrates_and_the_service_gets_along_with_rights_on_the_data() {
        OneDatabase database = postgres.newDatabase();
        database.execute("""
                CREATE ROLE latchkey_owner LOGIN PASSWORD 'owner';
                CREATE ROLE latchkey_service LOGIN PASSWORD 'service';
                GRANT CREATE ON SCHEMA public TO latchkey_owner;
                ALTER DEFAULT PRIVILEGES FOR ROLE latchkey_owner
                    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO latchkey_service;
                """);
        Map<String, String> service = database.settings("DB_USER", "latchkey_service", "DB_PASSWORD", "service");

        assertThat(Attempt.failure(service)).contains("permission denied", "DB_MIGRATION_USER");

        service.put("DB_MIGRATION_URL", database.url());
        service.put("DB_MIGRATION_USER", "latchkey_owner");
        service.put("DB_MIGRATION_PASSWORD", "owner");
        try (Packaged packaged = Packaged.start(service)) {
            Api.Session session = packaged.api().newSession();
            String token = packaged.api().refresh(session.refreshToken()).refreshToken();
            assertThat(packaged.api().logout(token).status()).isEqualTo(204);
            assertThat(packaged.api().refresh(token).code()).isEqualTo("token_revoked");
        }
        assertThat(database.value("SELECT tableowner FROM pg_tables WHERE tablename = 'refresh_tokens'"))
                .isEqualTo("latchkey_owner");
    }

    @Test
    void the_rollback_refuses_tables_that_are_not_its_own() {
        OneDatabase database = postgres.newDatabase();
        database.execute("CREATE TABLE refresh_tokens (id uuid PRIMARY KEY, token_hash text)");

        assertThat(Attempt.failure(database.settings(), "rollback"))
                .contains("not Latchkey's: refresh_tokens", "Nothing was dropped");

        assertThat(database.value(TABLES)).isEqualTo("refresh_tokens");
    }

    @Test
    void the_operators_functions_and_queries_work_as_they_stand() {
        OneDatabase database = postgres.newDatabase();
        try (Packaged packaged = Packaged.start(database.settings())) {
            Api.User user = packaged.api().newUser();
            Api.Session first = packaged.api().logIn(user);
            Api.Session second = packaged.api().logIn(user);
            Api.Session third = packaged.api().logIn(user);
            Api.Session strangers = packaged.api().newSession();

            assertThat(database.rows("""
                    SELECT user_id, COUNT(*) as active_sessions
                    FROM refresh_tokens
                    WHERE revoked = false AND expires_at > NOW()
                    GROUP BY user_id
                    ORDER BY active_sessions DESC;
                    """))
                    .containsExactly(
                            Map.of("user_id", user.id(), "active_sessions", 3L),
                            Map.of("user_id", strangers.user(), "active_sessions", 1L));
            assertThat(database.rows("""
                    SELECT * FROM audit_logs
                    WHERE event_type = 'TOKEN_REUSE_ATTACK'
                    ORDER BY created_at DESC
                    LIMIT 10;
                    """)).isEmpty();
            assertThat(database.value("SELECT cleanup_expired_refresh_tokens(30);"))
                    .isEqualTo(0);
            assertThat(database.value("SELECT cleanup_expired_refresh_tokens(retention_days => 0)"))
                    .isEqualTo(0);
            assertThatThrownBy(() -> database.value("SELECT cleanup_expired_refresh_tokens(-1)"))
                    .hasMessageContaining("retention_days has to be 0 or more, not -1");
            assertThatThrownBy(() -> database.value("SELECT cleanup_expired_refresh_tokens(null)"))
                    .hasMessageContaining("retention_days has to be 0 or more, not null");

            assertThat(database.value("SELECT end_session(?)", first.id())).isEqualTo(1);
            assertThat(database.value("SELECT end_session(?)", first.id())).isEqualTo(0);
            assertThat(packaged.api().refresh(first.refreshToken()).code()).isEqualTo("token_revoked");
            assertThat(packaged.api().me(first.accessToken()).code()).isEqualTo("session_ended");
            assertThat(packaged.api().refresh(second.refreshToken()).status()).isEqualTo(200);

            assertThat(database.value("SELECT end_user_sessions(?)", user.id())).isEqualTo(2);
            assertThat(database.value("SELECT end_user_sessions(?)", user.id())).isEqualTo(0);
            assertThat(packaged.api().refresh(third.refreshToken()).code()).isEqualTo("token_revoked");
            assertThat(packaged.api().refresh(strangers.refreshToken()).status())
                    .isEqualTo(200);

            packaged.api().logIn(user);
            assertThat(database.value("SELECT end_all_sessions()")).isEqualTo(2);
            assertThat(packaged.api().refresh(strangers.refreshToken()).code()).isEqualTo("token_revoked");
            assertThat(packaged.api().login(user.email(), Api.PASSWORD).status())
                    .isEqualTo(200);
            assertThat(database.count("SELECT count(*) FROM audit_logs WHERE event_type = 'SESSION_REVOKED'"))
                    .isEqualTo(5);
        }
    }
}
