package dev.latchkey.token;

import dev.latchkey.audit.Client;
import dev.latchkey.database.Database;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/** The statements of a refresh: one that rotates, a token or many, and one that looks where the first touched no row. */
@ApplicationScoped
public class RefreshTokens {

    /** How far behind the live token a replay may be. */
    private static final int LONGEST_PATH = 64;

    // "NOT t.revoked" and "IS TRUE" are spelled so that no index on a condition can attract the planner when its
    // statistics are stale. No transaction surrounds the statement: it commits in the one round trip that it takes.
    static final String ROTATE = """
            WITH old AS (
                UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = 'ROTATED', replaced_by = ?
                FROM login_sessions s, users u
                WHERE t.family_id = ? AND t.generation = ? AND t.token_hash = ? AND NOT t.revoked AND (t.expires_at > now()) IS TRUE
                  AND s.id = t.family_id AND s.ended_at IS NULL AND (s.expires_at > now()) IS TRUE
                  AND u.id = s.user_id AND u.disabled_at IS NULL AND u.session_epoch = s.user_epoch
                RETURNING t.user_id, t.family_id, t.generation, t.replaced_by, u.roles, s.expires_at AS session_expires_at),
            new AS (
                INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at, ip, user_agent)
                SELECT replaced_by, user_id, family_id, generation + 1, ?,
                       least(now() + ? * interval '1 second', session_expires_at), ?, ?
                FROM old
                RETURNING expires_at)
            SELECT old.user_id, old.roles, old.session_expires_at, new.expires_at, now() AS db_now FROM new, old
            """;

    // As ROTATE, for many tokens of different sessions at once. It waits for nobody: a row that another
    // statement holds is left out, and so is one that ROTATE would not touch. What comes back was rotated.
    // LATERAL keeps the planner on one look-up for each token; the arrays stand in sub-selects, so that it
    // plans for no particular number of them, and keeps the plan.
    static final String ROTATE_MANY = """
            WITH asked AS (
                SELECT * FROM unnest((SELECT ?::uuid[]), (SELECT ?::integer[]), (SELECT ?::text[]), (SELECT ?::uuid[]),
                                     (SELECT ?::text[]), (SELECT ?::text[]), (SELECT ?::text[]))
                    AS a (session, old_generation, hash, successor, successor_hash, ip, user_agent)),
            held AS (
                SELECT asked.*, live.* FROM asked CROSS JOIN LATERAL (
                    SELECT t.ctid AS place, u.roles, s.expires_at AS session_expires_at
                    FROM refresh_tokens t JOIN login_sessions s ON s.id = t.family_id JOIN users u ON u.id = s.user_id
                    WHERE t.family_id = asked.session AND t.generation = asked.old_generation AND t.token_hash = asked.hash
                      AND NOT t.revoked AND (t.expires_at > now()) IS TRUE
                      AND s.ended_at IS NULL AND (s.expires_at > now()) IS TRUE
                      AND u.disabled_at IS NULL AND u.session_epoch = s.user_epoch
                    FOR NO KEY UPDATE OF t SKIP LOCKED FOR KEY SHARE OF u SKIP LOCKED) live),
            old AS (
                UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = 'ROTATED', replaced_by = held.successor
                FROM held WHERE t.ctid = held.place AND t.family_id = held.session
                RETURNING t.user_id, held.*,
                          least(now() + ? * interval '1 second', held.session_expires_at) AS expires_at),
            new AS (
                INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at, ip, user_agent)
                SELECT successor, user_id, session, old_generation + 1, successor_hash, expires_at, ip, user_agent FROM old)
            SELECT session, user_id, roles, session_expires_at, expires_at, now() AS db_now FROM old
            """;

    // The first WHEN that holds is the row of the decision table.
    static final String LOOK = """
            SELECT CASE
                     WHEN s.ended_at IS NOT NULL OR u.id IS NULL OR u.disabled_at IS NOT NULL OR u.session_epoch <> s.user_epoch
                          OR (head.revoked AND head.revoked_reason IS DISTINCT FROM 'ROTATED') THEN 'ENDED'
                     WHEN s.expires_at <= now() OR head.id IS NULL OR head.revoked OR head.expires_at <= now() THEN 'EXPIRED'
                     WHEN asked.generation > head.generation OR presented.token_hash <> asked.hash THEN 'UNKNOWN'
                     WHEN asked.generation = head.generation THEN 'LIVE'
                     WHEN presented.replaced_by = asked.successor
                          OR presented.revoked_at > now() - asked.window_seconds * interval '1 second' THEN
                          CASE WHEN head.generation - asked.generation > asked.longest_path THEN 'TOO_FAR_BEHIND' ELSE 'REPLAYED' END
                     ELSE 'REUSED'
                   END AS standing,
                   s.user_id, s.user_epoch, s.expires_at AS session_expires_at, u.roles, now() AS db_now,
                   head.generation AS live_generation, head.expires_at, head.ip, head.user_agent,
                   extract(epoch FROM now() - presented.revoked_at)::bigint AS seconds_since_rotation,
                   path.ids, path.hashes
            FROM (SELECT ?::uuid AS session, ?::integer AS generation, ?::text AS hash, ?::uuid AS successor,
                         ?::bigint AS window_seconds, ?::integer AS longest_path) AS asked
            JOIN login_sessions s ON s.id = asked.session
            LEFT JOIN users u ON u.id = s.user_id
            LEFT JOIN LATERAL (
                SELECT * FROM refresh_tokens WHERE family_id = asked.session ORDER BY generation DESC LIMIT 1) head ON true
            LEFT JOIN refresh_tokens presented
                ON presented.family_id = asked.session AND presented.generation = asked.generation
            LEFT JOIN LATERAL (
                SELECT array_agg(id ORDER BY generation) AS ids, array_agg(token_hash ORDER BY generation) AS hashes
                FROM refresh_tokens
                WHERE family_id = asked.session AND generation > asked.generation
                  AND generation <= asked.generation + asked.longest_path) path ON true
            """;

    private final Database database;
    private final TokenConfig config;

    RefreshTokens(Database database, TokenConfig config) {
        this.database = database;
        this.config = config;
    }

    /**
     * A rotation that is asked for.
     *
     * @param successorId the id of the successor's row; the same in every attempt of one request
     */
    public record Swap(Token presented, Token successor, UUID successorId, Client client) {

        /** Never the row's id: one of the three things that make the successor. */
        @Override
        public String toString() {
            return "Swap[presented=" + presented + "]";
        }
    }

    /**
     * What a session's live token lets its holder have.
     *
     * @param now the database's time, from which the access token's times are made
     * @param expiresAt the refresh token's expiry
     * @param sessionExpiresAt the session's absolute expiry, which nothing of it passes
     */
    public record Live(UUID user, List<String> roles, Instant now, Instant expiresAt, Instant sessionExpiresAt) {}

    /** A token on the way from the presented one to the live one: its row's id and its hash. */
    public record Link(UUID id, String hash) {

        /** Neither of the two. */
        @Override
        public String toString() {
            return "Link[]";
        }
    }

    /**
     * What a look found.
     *
     * @param live what the session's head grants
     * @param epoch the user's epoch that the session's login read
     * @param liveGeneration the generation of the session's head
     * @param secondsSinceRotation since the presented token was rotated; null when its row is gone
     * @param holder who has the session's head
     * @param path the rows from the presented token's successor up to the head
     */
    public record Look(
            Standing standing,
            Live live,
            int epoch,
            int liveGeneration,
            Long secondsSinceRotation,
            Client holder,
            List<Link> path) {}

    /**
     * The id of a row to be: 74 random bits behind the time in milliseconds (UUID version 7, RFC 9562 §5.7), so that rows that
     * come one after the other stand side by side in the primary key. It never leaves the database.
     */
    public static UUID newRowId() {
        UUID random = UUID.randomUUID();
        long time = System.currentTimeMillis() << 16;
        return new UUID(time | 0x7000 | random.getMostSignificantBits() & 0x0FFF, random.getLeastSignificantBits());
    }

    /**
     * Revokes the presented token and inserts its successor, both or neither.
     *
     * @return empty if the token is not live
     */
    public Optional<Live> rotate(Swap swap) {
        return database.once(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(ROTATE)) {
                statement.setObject(1, swap.successorId());
                statement.setObject(2, swap.presented().session());
                statement.setInt(3, swap.presented().generation());
                statement.setString(4, swap.presented().hash());
                statement.setString(5, swap.successor().hash());
                statement.setLong(6, config.refreshTokenTtl().toSeconds());
                statement.setString(7, swap.client().ip());
                statement.setString(8, swap.client().userAgent());
                try (ResultSet row = statement.executeQuery()) {
                    return row.next() ? Optional.of(live(row)) : Optional.empty();
                }
            }
        });
    }

    /**
     * Does as {@link #rotate(Swap)} for tokens of different sessions, in one statement and one commit.
     *
     * @return by session, those that were rotated; the others are not live, or something else is at work on them right now
     */
    public Map<UUID, Live> rotate(List<Swap> swaps) {
        return database.once(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(ROTATE_MANY)) {
                setArray(statement, 1, "uuid", swaps, swap -> swap.presented().session());
                setArray(
                        statement, 2, "integer", swaps, swap -> swap.presented().generation());
                setArray(statement, 3, "text", swaps, swap -> swap.presented().hash());
                setArray(statement, 4, "uuid", swaps, Swap::successorId);
                setArray(statement, 5, "text", swaps, swap -> swap.successor().hash());
                setArray(statement, 6, "text", swaps, swap -> swap.client().ip());
                setArray(statement, 7, "text", swaps, swap -> swap.client().userAgent());
                statement.setLong(8, config.refreshTokenTtl().toSeconds());
                Map<UUID, Live> rotated = new HashMap<>();
                try (ResultSet row = statement.executeQuery()) {
                    while (row.next()) {
                        rotated.put(row.getObject("session", UUID.class), live(row));
                    }
                }
                return rotated;
            }
        });
    }

    private static void setArray(
            PreparedStatement statement, int place, String type, List<Swap> swaps, Function<Swap, Object> value)
            throws SQLException {
        Object[] values = swaps.stream().map(value).toArray();
        statement.setArray(place, statement.getConnection().createArrayOf(type, values));
    }

    /**
     * Looks what a token is that could not be rotated. One statement, so one moment.
     *
     * @param successorId the id that this request tried to rotate it with, by which its own lost rotation is known
     * @return empty if the session left no row
     */
    public Optional<Look> look(Token presented, UUID successorId) {
        return database.once(connection -> look(connection, presented, successorId));
    }

    private Optional<Look> look(Connection connection, Token presented, UUID successorId) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(LOOK)) {
            statement.setObject(1, presented.session());
            statement.setInt(2, presented.generation());
            statement.setString(3, presented.hash());
            statement.setObject(4, successorId);
            statement.setLong(5, config.retryWindow().toSeconds());
            statement.setInt(6, LONGEST_PATH);
            try (ResultSet row = statement.executeQuery()) {
                if (!row.next()) {
                    return Optional.empty();
                }
                return Optional.of(new Look(
                        Standing.valueOf(row.getString("standing")),
                        live(row),
                        row.getInt("user_epoch"),
                        row.getInt("live_generation"),
                        row.getObject("seconds_since_rotation", Long.class),
                        new Client(row.getString("ip"), row.getString("user_agent")),
                        path(row)));
            }
        }
    }

    private static List<Link> path(ResultSet row) throws SQLException {
        List<UUID> ids = array(row, "ids", UUID[].class);
        List<String> hashes = array(row, "hashes", String[].class);
        List<Link> path = new ArrayList<>(ids.size());
        for (int i = 0; i < ids.size(); i++) {
            path.add(new Link(ids.get(i), hashes.get(i)));
        }
        return path;
    }

    static Live live(ResultSet row) throws SQLException {
        return new Live(
                row.getObject("user_id", UUID.class),
                array(row, "roles", String[].class),
                instant(row, "db_now"),
                instant(row, "expires_at"),
                instant(row, "session_expires_at"));
    }

    private static Instant instant(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }

    private static <T> List<T> array(ResultSet row, String column, Class<T[]> type) throws SQLException {
        java.sql.Array array = row.getArray(column);
        return array == null ? List.of() : Arrays.asList(type.cast(array.getArray()));
    }
}
