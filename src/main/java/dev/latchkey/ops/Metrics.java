package dev.latchkey.ops;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Latchkey's own metrics, under the names that the documentation and dashboards use. All are there from the start, at zero: an
 * alert on a rise would miss the first event of a counter that appears with it.
 */
@Startup
@ApplicationScoped
public class Metrics {

    private static final Duration[] BUCKETS = IntStream.of(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
            .mapToObj(Duration::ofMillis)
            .toArray(Duration[]::new);

    private static final double[] GROUP_SIZES = {1, 2, 4, 8, 16, 32, 64};

    private static final List<String> REFRESH_OUTCOMES = List.of(
            "rotated",
            "replayed",
            "token_invalid",
            "unknown_key",
            "token_revoked",
            "token_expired",
            "token_unknown",
            "token_reused",
            "too_many_refreshes",
            "temporarily_unavailable");
    private static final List<String> LOGIN_OUTCOMES =
            List.of("succeeded", "invalid_credentials", "overloaded", "temporarily_unavailable");
    private static final List<String> END_REASONS = List.of("logout", "logout_all", "reuse", "superseded");
    private static final List<String> CLEANUP_KINDS = List.of("expired", "rotated", "sessions", "audit");

    private final MeterRegistry registry;
    private final Timer rotation;
    private final DistributionSummary rotationGroup;
    private final Counter reuseAttacks;
    private final Counter requestsShed;
    private final Timer cleanup;
    private final AtomicLong sessionsLive = new AtomicLong();
    private final AtomicLong lastCleanup = new AtomicLong();

    Metrics(MeterRegistry registry) {
        this.registry = registry;
        this.rotation = Timer.builder("latchkey.rotation")
                .description("The statement that rotates a token")
                .serviceLevelObjectives(BUCKETS)
                .register(registry);
        this.rotationGroup = DistributionSummary.builder("latchkey.rotation.group.size")
                .description("Rotations that were sent as one statement")
                .serviceLevelObjectives(GROUP_SIZES)
                .register(registry);
        this.reuseAttacks = Counter.builder("latchkey.reuse.attacks")
                .description("Rotated tokens that came back after their retry window")
                .register(registry);
        this.requestsShed = Counter.builder("latchkey.requests.shed")
                .description("Requests that were told to come again, since too many were in progress")
                .register(registry);
        this.cleanup =
                Timer.builder("latchkey.cleanup").description("A clean-up pass").register(registry);
        Gauge.builder("latchkey.sessions.live", sessionsLive, AtomicLong::doubleValue)
                .description("Live sessions, as the last clean-up pass counted them")
                .register(registry);
        Gauge.builder("latchkey.cleanup.last.success.timestamp", lastCleanup, AtomicLong::doubleValue)
                .description("When a clean-up pass last succeeded")
                .baseUnit("seconds")
                .register(registry);
        REFRESH_OUTCOMES.forEach(this::refreshes);
        LOGIN_OUTCOMES.forEach(this::logins);
        END_REASONS.forEach(this::ends);
        CLEANUP_KINDS.forEach(this::cleanedUpRows);
    }

    /** The bounds of the histograms of time, as Micrometer wants them. */
    static double[] bucketNanos() {
        return Arrays.stream(BUCKETS).mapToDouble(Duration::toNanos).toArray();
    }

    private Counter refreshes(String outcome) {
        return registry.counter("latchkey.refreshes", "outcome", outcome);
    }

    private Counter logins(String outcome) {
        return registry.counter("latchkey.logins", "outcome", outcome);
    }

    private Counter ends(String reason) {
        return registry.counter("latchkey.sessions.ended", "reason", reason);
    }

    private Counter cleanedUpRows(String kind) {
        return registry.counter("latchkey.cleanup.rows", "kind", kind);
    }

    /** Times the rotation's statement, also when it fails. */
    public <T> T timeRotation(Supplier<T> statement) {
        return rotation.record(statement);
    }

    /** So many rotations are sent as one statement. */
    public void rotationGroup(int size) {
        rotationGroup.record(size);
    }

    /** Counts an answer to a refresh: {@code rotated}, {@code replayed}, or the reason of a refusal. */
    public void refreshed(String outcome) {
        refreshes(outcome).increment();
    }

    /** Counts an answer to a login: {@code succeeded}, or the reason of a refusal. */
    public void loggedIn(String outcome) {
        logins(outcome).increment();
    }

    public void reuseAttack() {
        reuseAttacks.increment();
    }

    public void requestShed() {
        requestsShed.increment();
    }

    /** Shows how many requests are in progress. */
    public void requestsInProgress(Supplier<Number> count) {
        Gauge.builder("latchkey.requests.in.progress", count)
                .description("Requests that are complete and not yet answered")
                .register(registry);
    }

    /** Counts sessions that ended here. */
    public void sessionsEnded(String reason, long count) {
        ends(reason).increment(count);
    }

    /** Counts rows that the clean-up removed. */
    public void cleanedUp(String kind, long rows) {
        cleanedUpRows(kind).increment(rows);
    }

    /** A clean-up pass succeeded. */
    public void cleanupSucceeded(Duration took, long liveSessions, Instant now) {
        cleanup.record(took);
        sessionsLive.set(liveSessions);
        lastCleanup.set(now.getEpochSecond());
    }
}
