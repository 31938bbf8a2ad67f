package dev.latchkey.database;

import java.io.Serial;
import java.sql.SQLException;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The database is away, or refused a statement. Its message carries no values, since those may be personal. */
public class DatabaseException extends RuntimeException {

    @Serial
    private static final long serialVersionUID = 1;

    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    private static final String SERIALIZATION_FAILURE = "40001";
    private static final String DEADLOCK_DETECTED = "40P01";
    private static final String FOREIGN_KEY_VIOLATION = "23503";
    private static final String LOCK_NOT_AVAILABLE = "55P03";
    private static final Set<String> SHUTDOWNS = Set.of("57P01", "57P02", "57P03", "57P05");

    /** That of a server which can't write, say, or of a damaged row. */
    private static final String INTERNAL_ERRORS = "XX";

    /** Read-only, out of resources, over a limit, lock or statement timed out, system error. */
    private static final Set<String> LATER = Set.of("25", "40", "53", "54", "55", "57", "58", INTERNAL_ERRORS);

    private final String state;
    private final boolean reached;

    /**
     * @param reached whether there was a connection, so that something may have been sent
     */
    DatabaseException(SQLException cause, boolean reached) {
        super(describe(cause), cause);
        this.reached = reached;
        this.state = cause.getSQLState() == null ? "" : cause.getSQLState();
    }

    /** Whether there was a connection, so that something may have been done. */
    boolean reached() {
        return reached;
    }

    /** Whether the same statement may succeed when it is sent again soon. */
    public boolean passes() {
        return rolledBack() || state.equals(FOREIGN_KEY_VIOLATION) || connectionLost();
    }

    /** Whether the statement certainly left nothing behind, and only its timing was to blame. */
    private boolean rolledBack() {
        return state.equals(SERIALIZATION_FAILURE) || state.equals(DEADLOCK_DETECTED);
    }

    /** Whether the database could not be reached, or left in the middle: what was sent may have been done. */
    private boolean connectionLost() {
        return state.isEmpty() || state.startsWith("08") || SHUTDOWNS.contains(state);
    }

    /** Whether the database is away, overburdened or unwell, so that the same request may succeed later. */
    public boolean unavailable() {
        return !reached || passes() || LATER.contains(state.substring(0, Math.min(2, state.length())));
    }

    /** Whether the statement was sent, and failed for a reason that may lie with one of its rows alone. */
    public boolean maybeOneRowsFault() {
        return reached
                && (passes()
                        || !unavailable()
                        || state.equals(LOCK_NOT_AVAILABLE)
                        || state.startsWith(INTERNAL_ERRORS));
    }

    /** Whether a value does not fit its column: the application's own table may have a narrower one than ours. */
    public boolean unfitValue() {
        return state.startsWith("22");
    }

    /**
     * The failure of a statement that something else sent, Hibernate say; empty if there was none. That of a commit is among
     * what the transaction manager suppressed.
     */
    public static Optional<DatabaseException> in(Throwable failure) {
        if (failure instanceof SQLException sql) {
            return Optional.of(new DatabaseException(sql, true));
        }
        return Stream.concat(Stream.ofNullable(failure.getCause()), Stream.of(failure.getSuppressed()))
                .flatMap(cause -> in(cause).stream())
                .findFirst();
    }

    /** The server's sentence alone: the lines below it (detail, hint, where) may quote values. */
    private static String describe(SQLException e) {
        String firstLine = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        return "SQLSTATE " + e.getSQLState() + ": " + firstLine;
    }
}
