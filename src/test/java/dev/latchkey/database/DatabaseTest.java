package dev.latchkey.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;

/** What the server gives up by itself. */
@QuarkusTest
class DatabaseTest {

    @Inject
    Database database;

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
