package dev.latchkey.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.quarkus.narayana.jta.QuarkusTransaction;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import jakarta.persistence.EntityManager;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;

/** What the server gives up by itself. */
@QuarkusTest
class DatabaseTest {

    @Inject
    Database database;

    @Inject
    EntityManager entities;

    @Test
    void the_server_gives_up_before_the_client_does() {
        String limits = database.once(DatabaseTest::limits);

        assertThat(limits).isEqualTo("statement 4s, lock 2s, idle in transaction 5s");
    }

    @Test
    void what_may_take_long_may_also_wait_long_for_a_lock() {
        assertThat(database.patiently(DatabaseTest::limits))
                .isEqualTo("statement 10min, lock 10min, idle in transaction 5s");
        assertThat(database.once(DatabaseTest::limits)).startsWith("statement 4s, lock 2s,");
    }

    @Test
    void a_connection_that_is_lost_at_the_commit_is_known_for_what_it_is() {
        Throwable failure =
                catchThrowable(() -> QuarkusTransaction.requiringNew().run(() -> {
                    Object backend = entities.createNativeQuery("SELECT pg_backend_pid()")
                            .getSingleResult();
                    QuarkusTransaction.suspendingExisting()
                            .run(() -> database.once(connection -> terminate(connection, (Integer) backend)));
                }));

        assertThat(DatabaseException.in(failure))
                .hasValueSatisfying(lost -> assertThat(lost.unavailable()).isTrue());
    }

    /** PostgreSQL says so to whoever connects while its disk is full. */
    @Test
    void a_server_that_fails_inside_is_asked_again_later() {
        assertThatThrownBy(() -> database.once(connection -> {
                    try (Statement statement = connection.createStatement()) {
                        return statement.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'XX000'; END $$");
                    }
                }))
                .isInstanceOfSatisfying(DatabaseException.class, failed -> {
                    assertThat(failed.unavailable()).isTrue();
                    assertThat(failed.maybeOneRowsFault()).isTrue();
                });
    }

    @Test
    void a_server_that_lets_nobody_in_is_asked_again_later_whatever_it_says() {
        DatabaseException refused =
                new DatabaseException(new SQLException("password authentication failed", "28P01"), false);

        assertThat(refused.unavailable()).isTrue();
        assertThat(refused.maybeOneRowsFault()).isFalse();
    }

    private static boolean terminate(Connection connection, int backend) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT pg_terminate_backend(?, 5000)")) {
            statement.setInt(1, backend);
            try (ResultSet row = statement.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    private static String limits(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("""
                        SELECT 'statement ' || current_setting('statement_timeout') || ', lock ' || current_setting('lock_timeout')
                            || ', idle in transaction ' || current_setting('idle_in_transaction_session_timeout')
                        """)) {
            row.next();
            return row.getString(1);
        }
    }
}
