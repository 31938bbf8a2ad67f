package dev.latchkey.audit;

import dev.latchkey.database.Database;
import io.quarkus.hibernate.orm.panache.PanacheRepositoryBase;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.PreparedStatement;
import java.util.UUID;

/** The audit log. Events that change something are written by the statement that changes it; these here change nothing. */
@ApplicationScoped
public class AuditLogs implements PanacheRepositoryBase<AuditLog, Long> {

    // No foreign key can fail here: a user who is gone meanwhile is simply not named.
    private static final String RECORD = "INSERT INTO audit_logs (user_id, session_id, " + AuditEntry.COLUMNS + ")"
            + " SELECT (SELECT id FROM users WHERE id = ?), ?, " + AuditEntry.PARAMETERS
            + " ON CONFLICT (session_id, generation, event_type) WHERE generation IS NOT NULL DO NOTHING";

    private final Database database;

    AuditLogs(Database database) {
        this.database = database;
    }

    /**
     * Records an event of a session, once for each generation.
     *
     * @return whether it was the first of its kind
     */
    public boolean record(UUID user, UUID session, AuditEntry entry) {
        return database.again(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(RECORD)) {
                statement.setObject(1, user);
                statement.setObject(2, session);
                entry.bind(statement, 3);
                return statement.executeUpdate() == 1;
            }
        });
    }
}
