package dev.latchkey.token;

import dev.latchkey.audit.AuditEntry;
import dev.latchkey.audit.Client;
import dev.latchkey.database.Database;
import dev.latchkey.database.DatabaseException;
import dev.latchkey.ops.Metrics;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * Starts sessions, finds them, and ends them. The truth about an end is the session's row and the user's epoch, which every
 * rotation reads: what a racing rotation inserts is dead from the start. Locks are taken in the order user, session, token.
 */
@ApplicationScoped
public class Sessions {

    private static final Logger LOG = Logger.getLogger(Sessions.class);

    // Nothing is inserted unless the user still has the epoch that the login read together with the password's hash.
    private static final String START = """
            WITH the_user AS (SELECT id, roles FROM users WHERE id = ? AND session_epoch = ? AND disabled_at IS NULL),
            started AS (
                INSERT INTO login_sessions (id, user_id, user_epoch, expires_at, ip, user_agent, device)
                SELECT ?, id, ?, now() + ? * interval '1 second', ?, ?, ? FROM the_user
                RETURNING id, user_id, expires_at, ip, user_agent),
            first AS (
                INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at, ip, user_agent)
                SELECT ?, user_id, id, 0, ?, least(now() + ? * interval '1 second', expires_at), ip, user_agent
                FROM started
                RETURNING expires_at),
            note AS (
                INSERT INTO audit_logs (user_id, session_id, %s)
                SELECT user_id, id, %s FROM started)
            SELECT the_user.id AS user_id, the_user.roles, started.expires_at AS session_expires_at, first.expires_at, now() AS db_now
            FROM the_user, started, first
            """.formatted(AuditEntry.COLUMNS, AuditEntry.PARAMETERS);

    // The conflict is with a reuse that was only reported before: its row then says that it ended the session.
    private static final String RECORD_END = """
            ON CONFLICT (session_id, generation, event_type) WHERE generation IS NOT NULL
            DO UPDATE SET ip = excluded.ip, user_agent = excluded.user_agent, details = excluded.details, created_at = excluded.created_at
            """;

    private static final String END = """
            WITH ended AS (
                UPDATE login_sessions SET ended_at = now(), end_reason = ?
                WHERE id = ? AND ended_at IS NULL RETURNING id, user_id),
            gone AS (
                UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = ?
                FROM ended WHERE t.family_id = ? AND t.family_id = ended.id AND t.revoked_at IS NULL),
            note AS (
                INSERT INTO audit_logs (user_id, session_id, %s)
                SELECT user_id, id, %s FROM ended %s)
            SELECT id FROM ended
            """.formatted(AuditEntry.COLUMNS, AuditEntry.PARAMETERS, RECORD_END);

    private static final String END_LEFTOVERS = """
            UPDATE refresh_tokens t SET revoked_at = s.ended_at, revoked_reason = s.end_reason FROM login_sessions s
            WHERE t.family_id = ? AND t.revoked_at IS NULL AND s.id = t.family_id AND s.ended_at IS NOT NULL
            """;

    private static final String END_ALL = """
            WITH raised AS (
                UPDATE users SET session_epoch = session_epoch + 1
                WHERE id = ? AND session_epoch = ?
                  AND EXISTS (SELECT FROM login_sessions WHERE id = ? AND ended_at IS NULL)
                RETURNING id, session_epoch),
            ended AS (
                UPDATE login_sessions s SET ended_at = now(), end_reason = ?
                FROM raised WHERE s.user_id = raised.id AND s.user_epoch < raised.session_epoch AND s.ended_at IS NULL
                RETURNING s.id, s.user_id),
            gone AS (
                UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = ?
                FROM ended WHERE t.family_id = ended.id AND t.revoked_at IS NULL),
            note AS (
                INSERT INTO audit_logs (user_id, session_id, %1$s)
                SELECT user_id, id, %2$s FROM ended WHERE id = ? %3$s),
            other_notes AS (
                INSERT INTO audit_logs (user_id, session_id, event_type, ip, user_agent, details)
                SELECT user_id, id, 'SESSION_REVOKED', ?, ?, jsonb_build_object('reason', ?::text, 'by_session', ?::text)
                FROM ended WHERE id <> ?)
            SELECT (SELECT count(*) FROM raised) AS raised, (SELECT count(*) FROM ended) AS ended
            """.formatted(AuditEntry.COLUMNS, AuditEntry.PARAMETERS, RECORD_END);

    private static final String END_ALL_LEFTOVERS = """
            UPDATE refresh_tokens t SET revoked_at = s.ended_at, revoked_reason = s.end_reason FROM login_sessions s
            WHERE t.user_id = ? AND t.revoked_at IS NULL AND s.id = t.family_id AND s.ended_at IS NOT NULL
            """;

    private static final String FIND_LIVING = """
            SELECT s.user_epoch FROM login_sessions s JOIN users u ON u.id = s.user_id
            JOIN LATERAL (SELECT revoked_at, expires_at FROM refresh_tokens
                          WHERE family_id = s.id ORDER BY generation DESC LIMIT 1) head ON true
            WHERE s.id = ? AND s.user_id = ? AND s.ended_at IS NULL AND s.expires_at > now()
              AND u.disabled_at IS NULL AND u.session_epoch = s.user_epoch
              AND head.revoked_at IS NULL AND head.expires_at > now()
            """;

    private final Database database;
    private final TokenFormat format;
    private final TokenConfig config;
    private final Metrics metrics;

    Sessions(Database database, TokenFormat format, TokenConfig config, Metrics metrics) {
        this.database = database;
        this.format = format;
        this.config = config;
        this.metrics = metrics;
    }

    /** A session that has just begun: its first token and what it grants. */
    public record Started(Token token, RefreshTokens.Live live) {}

    /** A session that lives, named by an access token: whose it is, and the user's epoch that its login read. */
    public record Living(UUID session, UUID user, int epoch) {}

    /**
     * Starts a session of a user who has just proved who he is.
     *
     * @param epoch the user's epoch, read together with what was proved
     * @param device what the client calls itself; may be null
     * @return empty if the user's sessions were ended, or the user disabled, since the epoch was read
     */
    public Optional<Started> start(UUID user, int epoch, Client client, String device, AuditEntry entry) {
        UUID session = UUID.randomUUID();
        Token token = format.first(session);
        return database.once(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(START)) {
                statement.setObject(1, user);
                statement.setInt(2, epoch);
                statement.setObject(3, session);
                statement.setInt(4, epoch);
                statement.setLong(5, config.sessionMaxTtl().toSeconds());
                statement.setString(6, client.ip());
                statement.setString(7, client.userAgent());
                statement.setString(8, device);
                statement.setObject(9, RefreshTokens.newRowId());
                statement.setString(10, token.hash());
                statement.setLong(11, config.refreshTokenTtl().toSeconds());
                entry.bind(statement, 12);
                try (ResultSet row = statement.executeQuery()) {
                    return row.next() ? Optional.of(new Started(token, RefreshTokens.live(row))) : Optional.empty();
                }
            }
        });
    }

    /** Finds the session of an access token; empty unless it lives. */
    public Optional<Living> findLiving(UUID session, UUID user) {
        return database.again(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(FIND_LIVING)) {
                statement.setObject(1, session);
                statement.setObject(2, user);
                try (ResultSet row = statement.executeQuery()) {
                    return row.next() ? Optional.of(new Living(session, user, row.getInt(1))) : Optional.empty();
                }
            }
        });
    }

    /**
     * Ends a session. Once this returns nothing of it can be refreshed, whatever raced it.
     *
     * @return whether it ended here; false if it had ended already or left no row
     */
    public boolean end(UUID session, EndReason reason, AuditEntry entry) {
        boolean ended = database.again(connection -> end(connection, session, reason, entry));
        count(reason, ended ? 1 : 0);
        revokeLeftovers(END_LEFTOVERS, session);
        return ended;
    }

    /**
     * In a statement of its own, since the first can't see what a racing rotation inserted meanwhile. That is dead already; if it
     * can't be marked now, the clean-up does it.
     */
    private void revokeLeftovers(String sql, UUID of) {
        try {
            database.again(connection -> {
                try (PreparedStatement statement = connection.prepareStatement(sql)) {
                    statement.setObject(1, of);
                    return statement.executeUpdate();
                }
            });
        } catch (DatabaseException e) {
            LOG.warnf("What a racing refresh left is for the clean-up: %s", e.getMessage());
        }
    }

    private static boolean end(Connection connection, UUID session, EndReason reason, AuditEntry entry)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(END)) {
            statement.setString(1, reason.name());
            statement.setObject(2, session);
            statement.setString(3, reason.name());
            statement.setObject(4, session);
            entry.bind(statement, 5);
            try (ResultSet row = statement.executeQuery()) {
                return row.next();
            }
        }
    }

    /**
     * Ends all sessions of a user at the request of one of them.
     *
     * @param asking the session that asks; it ends too
     * @param entry what is recorded of the asking session; each other one gets a {@code SESSION_REVOKED}
     * @return how many ended; 0 if the asking session has ended meanwhile, and nothing was done
     */
    public int endAll(Living asking, EndReason reason, AuditEntry entry) {
        int ended = database.again(connection -> endAll(connection, asking, reason, entry));
        count(reason, ended);
        revokeLeftovers(END_ALL_LEFTOVERS, asking.user());
        return ended;
    }

    private static int endAll(Connection connection, Living asking, EndReason reason, AuditEntry entry)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(END_ALL)) {
            statement.setObject(1, asking.user());
            statement.setInt(2, asking.epoch());
            statement.setObject(3, asking.session());
            statement.setString(4, reason.name());
            statement.setString(5, reason.name());
            int index = entry.bind(statement, 6);
            statement.setObject(index++, asking.session());
            statement.setString(index++, entry.client().ip());
            statement.setString(index++, entry.client().userAgent());
            statement.setString(index++, reason.name());
            statement.setString(index++, asking.session().toString());
            statement.setObject(index, asking.session());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getInt("ended");
            }
        }
    }

    private void count(EndReason reason, int ended) {
        metrics.sessionsEnded(reason.name().toLowerCase(Locale.ROOT), ended);
    }
}
