package dev.latchkey.database;

import jakarta.enterprise.context.ApplicationScoped;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.function.Supplier;
import javax.sql.DataSource;

/** Runs SQL on a pooled connection: each statement commits by itself, so one statement is one round trip. */
@ApplicationScoped
public class Database {

    /** Work on one connection, which is given back afterwards. */
    @FunctionalInterface
    public interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    private static final long FIRST_PAUSE_MILLIS = 5;
    private static final long LONGEST_PAUSE_MILLIS = 250;
    private static final int PATIENCE_MILLIS = 10 * 60 * 1000;

    private final DataSource dataSource;
    private final Duration timeout;

    Database(DataSource dataSource, DatabaseConfig config) {
        this.dataSource = dataSource;
        this.timeout = config.dbTimeout();
    }

    /**
     * Runs the work, once.
     *
     * @throws DatabaseException if the database refuses it or is away
     */
    public <T> T once(Work<T> work) {
        boolean reached = false;
        try (Connection connection = dataSource.getConnection()) {
            reached = true;
            return work.on(connection);
        } catch (SQLException e) {
            throw new DatabaseException(e, reached);
        }
    }

    /**
     * Runs work that may take long, in a transaction of its own: what looks at a whole table, say. Everything else is given up
     * after {@code DB_TIMEOUT}.
     */
    public <T> T patiently(Work<T> work) {
        return once(connection -> {
            int usual = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, PATIENCE_MILLIS);
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("SET LOCAL statement_timeout = " + PATIENCE_MILLIS);
                statement.execute("SET LOCAL lock_timeout = " + PATIENCE_MILLIS);
                T result = work.on(connection);
                connection.commit();
                return result;
            } catch (SQLException e) {
                connection.rollback();
                throw e;
            } finally {
                connection.setAutoCommit(true);
                connection.setNetworkTimeout(Runnable::run, usual);
            }
        });
    }

    /** Runs work that bears being done twice: {@link #again(Supplier)} of {@link #once}. */
    public <T> T again(Work<T> work) {
        return again(() -> once(work));
    }

    /**
     * Takes steps, and again for at most {@code DB_TIMEOUT} as long as they fail for a reason that passes: a deadlock, a
     * serialization failure, a user deleted meanwhile, a connection that broke. In the last case what was sent may have been
     * done, so the steps have to bear being taken twice. If no connection can be had to begin with, nothing is waited for.
     *
     * @throws DatabaseException if the database refuses them or stays away
     */
    public <T> T again(Supplier<T> steps) {
        long deadline = System.nanoTime() + timeout.toNanos();
        boolean begun = false;
        for (long pause = FIRST_PAUSE_MILLIS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS)) {
            try {
                return steps.get();
            } catch (DatabaseException e) {
                begun |= e.reached();
                if (!begun
                        || !e.passes()
                        || System.nanoTime() > deadline
                        || Thread.currentThread().isInterrupted()) {
                    throw e;
                }
            }
            sleep(pause);
        }
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
