package dev.latchkey.ops;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** Latchkey's own metrics, under the names that the documentation and dashboards use. */
@ApplicationScoped
public class Metrics {

    private static final Duration[] BUCKETS = IntStream.of(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
            .mapToObj(Duration::ofMillis)
            .toArray(Duration[]::new);

    private final MeterRegistry registry;
    private final Timer rotation;
    private final Counter reuseAttacks;
    private final Timer cleanup;
    private final AtomicLong sessionsLive = new AtomicLong();
    private final AtomicLong lastCleanup = new AtomicLong();

    Metrics(MeterRegistry registry) {
        this.registry = registry;
        this.rotation = Timer.builder("latchkey.rotation")
                .description("The statement that rotates a token")
                .serviceLevelObjectives(BUCKETS)
                .register(registry);
        this.reuseAttacks = Counter.builder("latchkey.reuse.attacks")
                .description("Rotated tokens that came back after their retry window")
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
    }

    /** Times the rotation's statement, also when it fails. */
    public <T> T timeRotation(Supplier<T> statement) {
        return rotation.record(statement);
    }

    /** Counts an answer to a refresh: {@code rotated}, {@code replayed}, or the reason of a refusal. */
    public void refreshed(String outcome) {
        registry.counter("latchkey.refreshes", "outcome", outcome).increment();
    }

    /** Counts an answer to a login: {@code succeeded}, or the reason of a refusal. */
    public void loggedIn(String outcome) {
        registry.counter("latchkey.logins", "outcome", outcome).increment();
    }

    public void reuseAttack() {
        reuseAttacks.increment();
    }

    /** Counts sessions that ended here. */
    public void sessionsEnded(String reason, long count) {
        registry.counter("latchkey.sessions.ended", "reason", reason).increment(count);
    }

    /** Counts rows that the clean-up removed. */
    public void cleanedUp(String kind, long rows) {
        registry.counter("latchkey.cleanup.rows", "kind", kind).increment(rows);
    }

    /** A clean-up pass succeeded. */
    public void cleanupSucceeded(Duration took, long liveSessions, Instant now) {
        cleanup.record(took);
        sessionsLive.set(liveSessions);
        lastCleanup.set(now.getEpochSecond());
    }
}
