package dev.latchkey.cleanup;

import dev.latchkey.database.Database;
import dev.latchkey.database.DatabaseException;
import dev.latchkey.ops.Metrics;
import dev.latchkey.token.TokenConfig;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled.ConcurrentExecution;
import io.quarkus.scheduler.Scheduler;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * Removes what is no longer needed, in small batches that skip locked rows: every replica may do it at once, and nobody waits
 * for it. Each batch commits by itself, and is followed by a rest.
 */
@ApplicationScoped
public class ExpiredTokenCleanup {

    private static final Logger LOG = Logger.getLogger(ExpiredTokenCleanup.class);

    /** A few milliseconds' work, so that a refresh that comes meanwhile hardly waits. */
    private static final int BATCH = 250;

    /** After each batch it rests for so many times as long: it is never in a hurry, and refreshes are. */
    private static final int REST = 2;

    private static final Duration FIRST_PASS_AFTER = Duration.ofSeconds(10);

    // Walks along the index on expires_at, since no index may hold what a rotation changes. A token that was rotated
    // long enough ago was made before that, so it expires before (now + idle lifetime - retention): the walk's end.
    // Rows are found by session and id, so that in a partitioned table each is looked for in one partition.
    private static final String PRUNE_TOKENS = """
            WITH given AS (
                SELECT ?::timestamptz AS after_time, ?::uuid AS after_id, now() + ? * interval '1 second' AS walk_end,
                       make_interval(days => ?) AS retention, ? * interval '1 second' AS rotated_retention),
            seen AS (
                SELECT id, family_id, expires_at, revoked_at, revoked_reason FROM refresh_tokens
                WHERE expires_at >= (SELECT after_time FROM given) AND expires_at < (SELECT walk_end FROM given)
                  AND (expires_at, id) > (SELECT after_time, after_id FROM given)
                ORDER BY expires_at, id LIMIT %d),
            needless AS (
                SELECT t.id, t.family_id, seen.expires_at < now() - retention AS expired
                FROM given, seen JOIN refresh_tokens t USING (family_id, id)
                WHERE ((seen.expires_at < now() - retention
                        AND (seen.revoked_at IS NULL OR seen.revoked_at < now() - greatest(retention, interval '1 minute')))
                    OR (seen.revoked_reason = 'ROTATED' AND seen.revoked_at < now() - rotated_retention))
                  AND t.revoked_at IS NOT DISTINCT FROM seen.revoked_at
                FOR UPDATE OF t SKIP LOCKED),
            gone AS (
                DELETE FROM refresh_tokens t USING needless
                WHERE t.family_id = needless.family_id AND t.id = needless.id
                RETURNING needless.expired)
            SELECT last.expires_at, last.id,
                   (SELECT count(*) FROM gone WHERE expired) AS expired, (SELECT count(*) FROM gone WHERE NOT expired) AS rotated
            FROM (SELECT expires_at, id FROM seen ORDER BY expires_at DESC, id DESC LIMIT 1) AS last
            """.formatted(BATCH);

    private static final String PRUNE_SESSIONS = """
            DELETE FROM login_sessions WHERE id IN (
                SELECT id FROM login_sessions
                WHERE expires_at < now() - make_interval(days => ?)
                   OR ended_at < now() - greatest(make_interval(days => ?), interval '1 hour')
                LIMIT %d FOR UPDATE SKIP LOCKED)
            """.formatted(BATCH);

    private static final String PRUNE_AUDIT = """
            DELETE FROM audit_logs WHERE id IN (
                SELECT id FROM audit_logs WHERE created_at < now() - ? * interval '1 second'
                ORDER BY created_at LIMIT %d FOR UPDATE SKIP LOCKED)
            """.formatted(BATCH);

    // A login that raced the end of its user's sessions is dead by its epoch. Here it gets its end, too.
    private static final String MARK_SUPERSEDED = """
            WITH dead AS (
                SELECT s.id FROM login_sessions s JOIN users u ON u.id = s.user_id
                WHERE s.ended_at IS NULL AND s.user_epoch <> u.session_epoch
                LIMIT %d FOR NO KEY UPDATE OF s SKIP LOCKED),
            ended AS (
                UPDATE login_sessions s SET ended_at = now(), end_reason = 'SUPERSEDED' FROM dead WHERE s.id = dead.id
                RETURNING s.id, s.user_id)
            INSERT INTO audit_logs (event_type, user_id, session_id, details)
            SELECT 'SESSION_REVOKED', user_id, id, '{"reason": "SUPERSEDED"}' FROM ended
            """.formatted(BATCH);

    // What a rotation that raced the end of its session left unrevoked. It was dead already; now the table says so.
    // Only the head is looked at: no other can be unrevoked, and a condition on revoked_at alone reads the whole table.
    private static final String REVOKE_LEFTOVERS = """
            UPDATE refresh_tokens SET revoked_at = now(), revoked_reason = leftover.end_reason
            FROM (SELECT t.id, t.family_id, s.end_reason FROM login_sessions s
                  JOIN LATERAL (
                      SELECT id, revoked_at FROM refresh_tokens
                      WHERE family_id = s.id ORDER BY generation DESC LIMIT 1) head ON head.revoked_at IS NULL
                  JOIN refresh_tokens t ON t.family_id = s.id AND t.id = head.id
                  WHERE s.ended_at > now() - interval '1 day' AND t.revoked_at IS NULL
                  LIMIT %d FOR NO KEY UPDATE OF t SKIP LOCKED) AS leftover
            WHERE refresh_tokens.family_id = leftover.family_id AND refresh_tokens.id = leftover.id
            """.formatted(BATCH);

    // By the heads of the sessions. A condition on refresh_tokens alone reads the whole table, and its long snapshot
    // keeps dead versions in their pages meanwhile, so that updates no longer stay within theirs.
    private static final String COUNT_LIVE = """
            SELECT count(*) FROM login_sessions s
            JOIN LATERAL (
                SELECT revoked_at, expires_at FROM refresh_tokens
                WHERE family_id = s.id ORDER BY generation DESC LIMIT 1) head ON head.revoked_at IS NULL AND head.expires_at > now()
            WHERE s.ended_at IS NULL AND s.expires_at > now()
            """;

    private final Database database;
    private final CleanupConfig config;
    private final TokenConfig tokenConfig;
    private final Metrics metrics;

    ExpiredTokenCleanup(Database database, CleanupConfig config, TokenConfig tokenConfig, Metrics metrics) {
        this.database = database;
        this.config = config;
        this.tokenConfig = tokenConfig;
        this.metrics = metrics;
    }

    void schedule(@Observes StartupEvent started, Scheduler scheduler) {
        Duration interval = config.cleanupSchedule();
        Duration delay = interval.compareTo(FIRST_PASS_AFTER) < 0 ? interval : FIRST_PASS_AFTER;
        scheduler
                .newJob("cleanup")
                .setInterval(interval.toString())
                .setDelayed(delay.toString())
                .setConcurrentExecution(ConcurrentExecution.SKIP)
                .setTask(execution -> pass())
                .schedule();
    }

    void stop(@Observes ShutdownEvent stopping, Scheduler scheduler) {
        scheduler.pause();
    }

    /** One pass over everything. */
    void pass() {
        long start = System.nanoTime();
        try {
            Pruned tokens = pruneTokens();
            metrics.cleanedUp("expired", tokens.expired());
            metrics.cleanedUp("rotated", tokens.rotated());
            long audit = inBatches(
                    statement -> statement.setLong(1, config.auditRetention().toSeconds()), PRUNE_AUDIT);
            metrics.cleanedUp("audit", audit);
            long superseded = inBatches(statement -> {}, MARK_SUPERSEDED);
            metrics.sessionsEnded("superseded", superseded);
            long leftovers = inBatches(statement -> {}, REVOKE_LEFTOVERS);
            long sessions = inBatches(
                    statement -> {
                        statement.setInt(1, config.cleanupRetentionDays());
                        statement.setInt(2, config.cleanupRetentionDays());
                    },
                    PRUNE_SESSIONS);
            metrics.cleanedUp("sessions", sessions);
            long live = countLive();

            Duration took = Duration.ofNanos(System.nanoTime() - start);
            metrics.cleanupSucceeded(took, live, Instant.now());
            LOG.infof(
                    "Cleaned up in %d ms: %d expired and %d rotated tokens, %d sessions, %d audit rows removed;"
                            + " %d sessions and %d tokens marked as ended; %d sessions live",
                    took.toMillis(), tokens.expired(), tokens.rotated(), sessions, audit, superseded, leftovers, live);
        } catch (DatabaseException e) {
            LOG.errorf("The clean-up failed and will be tried again: %s", e.getMessage());
        }
    }

    /** How far the walk has come, and what it has removed. */
    private record Pruned(OffsetDateTime time, UUID id, long expired, long rotated) {

        private static final Pruned NOTHING = new Pruned(OffsetDateTime.MIN, new UUID(0, 0), 0, 0);
    }

    private Pruned pruneTokens() {
        Pruned pruned = Pruned.NOTHING;
        for (Optional<Pruned> next = pruneBatch(pruned); next.isPresent(); next = pruneBatch(pruned)) {
            pruned = next.get();
        }
        return pruned;
    }

    private static <T> T unhurried(Supplier<T> batch) {
        long start = System.nanoTime();
        T result = batch.get();
        try {
            TimeUnit.NANOSECONDS.sleep(REST * (System.nanoTime() - start));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return result;
    }

    /** Empty at the end of the walk. */
    private Optional<Pruned> pruneBatch(Pruned before) {
        Duration walkEnd = tokenConfig.refreshTokenTtl().minus(config.rotatedRetention());
        return unhurried(() -> database.again(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(PRUNE_TOKENS)) {
                statement.setObject(1, before.time());
                statement.setObject(2, before.id());
                statement.setLong(3, Math.max(0, walkEnd.toSeconds()));
                statement.setInt(4, config.cleanupRetentionDays());
                statement.setLong(5, config.rotatedRetention().toSeconds());
                try (ResultSet batch = statement.executeQuery()) {
                    if (!batch.next()) {
                        return Optional.empty();
                    }
                    return Optional.of(new Pruned(
                            batch.getObject("expires_at", OffsetDateTime.class),
                            batch.getObject("id", UUID.class),
                            before.expired() + batch.getLong("expired"),
                            before.rotated() + batch.getLong("rotated")));
                }
            }
        }));
    }

    @FunctionalInterface
    private interface Binding {
        void to(PreparedStatement statement) throws SQLException;
    }

    private long inBatches(Binding binding, String sql) {
        long total = 0;
        long changed;
        do {
            changed = unhurried(() -> database.patiently(connection -> {
                try (PreparedStatement statement = connection.prepareStatement(sql)) {
                    binding.to(statement);
                    return statement.executeUpdate();
                }
            }));
            total += changed;
        } while (changed == BATCH);
        return total;
    }

    private long countLive() {
        return database.patiently(connection -> {
            try (Statement statement = connection.createStatement();
                    ResultSet count = statement.executeQuery(COUNT_LIVE)) {
                count.next();
                return count.getLong(1);
            }
        });
    }
}
