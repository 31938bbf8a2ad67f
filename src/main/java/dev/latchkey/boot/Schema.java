package dev.latchkey.boot;

import dev.latchkey.account.AccountConfig;
import dev.latchkey.database.Database;
import dev.latchkey.database.DatabaseConfig;
import dev.latchkey.database.DatabaseException;
import io.quarkus.runtime.LaunchMode;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.SchemaValidationException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;
import org.hibernate.relational.SchemaManager;
import org.jboss.logging.Logger;

/** The database's schema at start-up: migrates it, checks it, tells its version, takes it back. */
@ApplicationScoped
class Schema {

    private static final Logger LOG = Logger.getLogger(Schema.class);

    private static final String ROLLBACK_SCRIPT = "/db/rollback/U1__refresh_token_rotation.sql";
    private static final String MEND =
            "Run V1__refresh_token_rotation.sql with psql: it creates what is missing and touches"
                    + " nothing else (src/docs/MIGRATION.md, \"Mend\")";

    private static final String BASICS =
            "SELECT current_setting('server_version_num')::int, current_setting('default_transaction_isolation'), current_setting('synchronous_commit')";

    /** What is answered before it is on the disk (or, with a standby, on two) may be lost in a crash. */
    private static final Set<String> FORGETFUL = Set.of("off", "local", "remote_write");

    /** A number of our own: the letters "latchkey". */
    private static final String LOCK = "SELECT pg_try_advisory_lock(x'6c617463686b6579'::bigint)";

    private static final String UNLOCK = "SELECT pg_advisory_unlock(x'6c617463686b6579'::bigint)";

    private static final long LOCK_PAUSE_MILLIS = 100;

    private static final String MIGRATION_URL = "DB_MIGRATION_URL (or DB_URL)";
    private static final String MIGRATION_CREDENTIALS = "DB_MIGRATION_USER or DB_MIGRATION_PASSWORD";

    private static final String MISSING = """
            SELECT string_agg(name, ', ' ORDER BY place) FROM (VALUES
                (1, 'users', to_regclass('users') IS NOT NULL),
                (2, 'login_sessions', to_regclass('login_sessions') IS NOT NULL),
                (3, 'refresh_tokens', to_regclass('refresh_tokens') IS NOT NULL),
                (4, 'audit_logs', to_regclass('audit_logs') IS NOT NULL),
                (5, 'cleanup_expired_refresh_tokens(integer)', to_regprocedure('cleanup_expired_refresh_tokens(integer)') IS NOT NULL),
                (6, 'end_session(uuid)', to_regprocedure('end_session(uuid)') IS NOT NULL),
                (7, 'end_user_sessions(uuid)', to_regprocedure('end_user_sessions(uuid)') IS NOT NULL),
                (8, 'end_all_sessions()', to_regprocedure('end_all_sessions()') IS NOT NULL),
                (9, 'the unique index of audit_logs on (session_id, generation, event_type)',
                    to_regclass('audit_logs') IS NULL
                    OR EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass('audit_logs')
                               AND indisunique AND indisvalid AND indpred IS NOT NULL))) AS ours (place, name, there)
            WHERE NOT there
            """;

    // Each may also contain family_id, which the unique indexes of a partitioned table have to.
    private static final String MISSING_UNIQUE_INDEXES = """
            WITH present AS (
                SELECT (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute
                        WHERE attrelid = indrelid AND attnum = ANY (indkey::int2[])) AS columns
                FROM pg_index
                WHERE indrelid = to_regclass('refresh_tokens') AND indisunique AND indisvalid AND indpred IS NULL)
            SELECT string_agg(name, ' and ' ORDER BY name) FROM (VALUES
                ('(token_hash)', ARRAY['{token_hash}', '{family_id,token_hash}']::text[]),
                ('(family_id, generation)', ARRAY['{family_id,generation}']::text[])) AS ours (name, spellings)
            WHERE NOT EXISTS (SELECT FROM present WHERE columns::text = ANY (spellings))
            """;

    private static final String UNFILLED_COLUMNS = """
            SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = to_regclass('users') AND attnum > 0 AND NOT attisdropped AND attnotnull
              AND NOT atthasdef AND attidentity = '' AND attname NOT IN ('id', 'email', 'password_hash')
            """;

    private final Database database;
    private final DatabaseConfig config;
    private final AccountConfig accountConfig;
    private final Flyway flyway;
    private final SchemaManager schemaManager;

    Schema(
            Database database,
            DatabaseConfig config,
            AccountConfig accountConfig,
            Flyway flyway,
            SchemaManager schemaManager) {
        this.database = database;
        this.config = config;
        this.accountConfig = accountConfig;
        this.flyway = flyway;
        this.schemaManager = schemaManager;
    }

    /** Makes sure that the database is there and is one that the statements are correct on. */
    void reach() {
        try {
            database.once(connection -> {
                try (Statement statement = connection.createStatement();
                        ResultSet row = statement.executeQuery(BASICS)) {
                    row.next();
                    if (row.getInt(1) < 150000) {
                        throw new StartupException("DB_URL leads to a PostgreSQL older than 15");
                    }
                    if (!row.getString(2).equals("read committed")) {
                        throw new StartupException(
                                "the database's default_transaction_isolation is '" + row.getString(2)
                                        + "', but has to be 'read committed': ALTER ROLE … SET default_transaction_isolation = 'read committed'");
                    }
                    if (FORGETFUL.contains(row.getString(3)) && LaunchMode.current() == LaunchMode.NORMAL) {
                        LOG.warnf(
                                "The database's synchronous_commit is '%s': a crash of it can lose rotations that were answered,"
                                        + " which ends their sessions. Set it to 'on'",
                                row.getString(3));
                    }
                    return null;
                }
            });
        } catch (DatabaseException e) {
            throw explain((SQLException) e.getCause(), "DB_URL", "DB_USER or DB_PASSWORD");
        }
    }

    void migrateOrCheck() {
        if (config.migrateAtBoot()) {
            migrate();
        } else {
            check();
        }
    }

    void migrate() {
        try {
            migrateInTurn(flyway);
        } catch (FlywayException e) {
            throw explain(e);
        } catch (SQLException e) {
            throw explain(e, MIGRATION_URL, MIGRATION_CREDENTIALS);
        }
        check();
    }

    /**
     * Has replicas that boot at once migrate one after the other: Flyway's own lock comes after it has looked whether there is
     * a history.
     */
    static void migrateInTurn(Flyway flyway) throws SQLException {
        try (Connection connection = flyway.getConfiguration().getDataSource().getConnection()) {
            lock(connection);
            try {
                flyway.migrate();
            } finally {
                text(connection, UNLOCK);
            }
        }
    }

    /**
     * Asks again and again instead of waiting in the database, where the wait would hold up an index that is built
     * concurrently.
     */
    private static void lock(Connection connection) throws SQLException {
        boolean waiting = false;
        while (!text(connection, LOCK).equals("t")) {
            if (!waiting) {
                LOG.info("Another replica migrates: waiting for it");
                waiting = true;
            }
            try {
                Thread.sleep(LOCK_PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new StartupException("it was interrupted while another replica migrated");
            }
        }
    }

    /** What Flyway's history says, or what there is to say where the schema was made with psql. */
    String version() {
        try {
            MigrationInfo current = flyway.info().current();
            int pending = flyway.info().pending().length;
            String version = current == null ? "none" : String.valueOf(current.getVersion());
            return pending == 0 ? version : version + ", " + pending + " pending";
        } catch (FlywayException e) {
            throw explain(e);
        }
    }

    String rollBack() {
        try (InputStream script = Schema.class.getResourceAsStream(ROLLBACK_SCRIPT);
                Connection connection =
                        flyway.getConfiguration().getDataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(new String(script.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (SQLException e) {
            throw explain(e, MIGRATION_URL, MIGRATION_CREDENTIALS);
        }
        return version();
    }

    private void check() {
        try {
            compare();
        } catch (RuntimeException e) {
            throw DatabaseException.in(e)
                    .map(failure -> new StartupException("the schema can't be checked: " + failure.getMessage()))
                    .orElseThrow(() -> e);
        }
    }

    private void compare() {
        String missing = database.once(connection -> text(connection, MISSING));
        if (missing != null) {
            throw new StartupException("the database lacks " + missing
                    + (config.migrateAtBoot() ? ", although the migration is recorded as done. " : ". ") + MEND);
        }
        String missingIndexes = database.once(connection -> text(connection, MISSING_UNIQUE_INDEXES));
        if (missingIndexes != null) {
            throw new StartupException("refresh_tokens lacks its unique index on " + missingIndexes
                    + ", without which a session could have two live tokens. " + MEND);
        }
        try {
            schemaManager.validate();
        } catch (SchemaValidationException e) {
            throw new StartupException("the schema was changed: " + describe(e)
                    + ". Change it back by hand: V1__refresh_token_rotation.sql says how each column was made");
        }
        String unfilled = database.once(connection -> text(connection, UNFILLED_COLUMNS));
        if (accountConfig.registrationEnabled() && unfilled != null) {
            throw new StartupException("registration can't fill these columns of users, which need a value: " + unfilled
                    + ". Set REGISTRATION_ENABLED=false, or give them a default");
        }
    }

    private static String describe(SchemaValidationException e) {
        Exception[] failures = e.getFailures();
        return failures == null || failures.length == 0
                ? e.getMessage()
                : Arrays.stream(failures).map(Exception::getMessage).collect(Collectors.joining("; "));
    }

    private static String text(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }

    private static StartupException explain(FlywayException e) {
        return DatabaseException.in(e)
                .map(failure -> explain((SQLException) failure.getCause(), MIGRATION_URL, MIGRATION_CREDENTIALS))
                .orElseGet(() -> new StartupException("the migration failed: " + e.getMessage()));
    }

    private static StartupException explain(SQLException e, String url, String credentials) {
        String state = e.getSQLState() == null ? "" : e.getSQLState();
        if (state.startsWith("28")) {
            return new StartupException(
                    "the database refuses the user: check " + credentials + " (" + e.getMessage() + ")");
        }
        if (state.isEmpty() || state.startsWith("08") || state.startsWith("3D") || state.startsWith("57")) {
            return new StartupException("the database can't be reached: check " + url + " (" + e.getMessage() + ")");
        }
        if (state.equals("42501")) {
            return new StartupException(
                    "the database user may not do this: " + e.getMessage()
                            + ". Grant it (src/docs/MIGRATION.md, \"Troubleshooting\"), or set DB_MIGRATION_USER to one who may");
        }
        return new StartupException("the migration failed: " + e.getMessage());
    }
}
