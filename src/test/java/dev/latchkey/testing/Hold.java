package dev.latchkey.testing;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Holds a statement of the service in its middle, for as long as the test wants: a trigger makes the first one that writes a
 * row of the given session or user wait for a lock that the test has. So a race has the order that the test gives it.
 */
public final class Hold implements AutoCloseable {

    private static final Duration LONGEST_WAIT = Duration.ofSeconds(4);

    private final Connection connection;
    private final long key;
    private final String table;
    private final String trigger;

    private Hold(String moment, String table, String column, UUID id) {
        this.key = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);
        this.table = table;
        this.trigger = "hold_" + key;
        try {
            connection = Db.connect();
            Db.rows(connection, "SELECT pg_advisory_lock(?)", key);
            Db.update(connection, """
                    CREATE FUNCTION %1$s() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN PERFORM pg_advisory_xact_lock_shared(%2$d); RETURN NEW; END $$
                    """.formatted(trigger, key));
            Db.update(
                    connection,
                    "CREATE TRIGGER %1$s BEFORE %2$s ON %3$s FOR EACH ROW WHEN (NEW.%4$s = '%5$s') EXECUTE FUNCTION %1$s()"
                            .formatted(trigger, moment, table, column, id));
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Holds a rotation that has read everything and locked nothing yet. */
    public static Hold rotationBeforeItLocks(UUID session) {
        return new Hold("UPDATE", "refresh_tokens", "family_id", session);
    }

    /** Holds a rotation that has revoked the presented token and inserted nothing yet. */
    public static Hold rotationBeforeItInserts(UUID session) {
        return new Hold("INSERT", "refresh_tokens", "family_id", session);
    }

    /** Holds a login that has checked the password and the epoch. */
    public static Hold loginBeforeItInserts(UUID user) {
        return new Hold("INSERT", "login_sessions", "user_id", user);
    }

    /** Waits until a statement is held. */
    public Hold untilHeld() throws SQLException {
        await("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                + " AND (classid::bigint << 32 | objid::bigint) = " + key);
        return this;
    }

    /** Waits until a statement waits for a row or a transaction, as one that comes second does. */
    public Hold untilAnotherWaits() throws SQLException {
        await("SELECT count(*) FROM pg_locks WHERE locktype IN ('transactionid', 'tuple') AND NOT granted");
        return this;
    }

    private void await(String count) throws SQLException {
        Instant end = Instant.now().plus(LONGEST_WAIT);
        while ((Long) Db.rows(connection, count).get(0).get("count") == 0) {
            if (Instant.now().isAfter(end)) {
                throw new IllegalStateException("nothing waits: " + count);
            }
        }
    }

    /** Lets go what is held. */
    public void release() throws SQLException {
        Db.rows(connection, "SELECT pg_advisory_unlock(?)", key);
    }

    @Override
    public void close() {
        try (connection) {
            Db.rows(connection, "SELECT pg_advisory_unlock_all()");
            Db.update(connection, "DROP TRIGGER " + trigger + " ON " + table);
            Db.update(connection, "DROP FUNCTION " + trigger);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
