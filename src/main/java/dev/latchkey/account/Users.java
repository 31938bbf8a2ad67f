package dev.latchkey.account;

import dev.latchkey.audit.AuditEntry;
import dev.latchkey.database.Database;
import io.quarkus.hibernate.orm.panache.PanacheRepositoryBase;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.transaction.Transactional;
import java.sql.PreparedStatement;
import java.util.Optional;
import java.util.UUID;

/** The users. Reading gives the connection back at once: none is held while a password is hashed. */
@ApplicationScoped
class Users implements PanacheRepositoryBase<User, UUID> {

    private static final String REGISTER = """
            WITH registered AS (
                INSERT INTO users (id, email, password_hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id)
            INSERT INTO audit_logs (user_id, session_id, %s) SELECT id, NULL, %s FROM registered
            """.formatted(AuditEntry.COLUMNS, AuditEntry.PARAMETERS);

    private static final String REPLACE_HASH = "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?";

    private final Database database;

    Users(Database database) {
        this.database = database;
    }

    /** Finds a user by e-mail address, without regard to case. */
    @Transactional
    Optional<User> findByEmail(String email) {
        return find("lower(email) = lower(?1)", email).firstResultOptional();
    }

    @Transactional
    Optional<User> findUser(UUID id) {
        return findByIdOptional(id);
    }

    /**
     * Adds a user.
     *
     * @return false if the e-mail address is taken
     */
    boolean register(UUID id, String email, String passwordHash, AuditEntry entry) {
        return database.once(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(REGISTER)) {
                statement.setObject(1, id);
                statement.setString(2, email);
                statement.setString(3, passwordHash);
                entry.bind(statement, 4);
                return statement.executeUpdate() == 1;
            }
        });
    }

    /** Replaces a hash by one of the same password, unless the password was changed meanwhile. */
    void replaceHash(UUID id, String before, String after) {
        database.again(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(REPLACE_HASH)) {
                statement.setString(1, after);
                statement.setObject(2, id);
                statement.setString(3, before);
                return statement.executeUpdate();
            }
        });
    }
}
