package dev.latchkey.ops;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduled.ConcurrentExecution;
import io.smallrye.health.SmallRyeHealthReporter;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Metrics of this one instance: whether it takes requests, and what it has and takes of the machine and the database. */
@Startup
@ApplicationScoped
class Vitals {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String RESIDENT = "VmRSS:";

    private final SmallRyeHealthReporter health;

    /** The start has reached the database. */
    private final AtomicBoolean ready = new AtomicBoolean(true);

    Vitals(
            MeterRegistry registry,
            SmallRyeHealthReporter health,
            @ConfigProperty(name = "quarkus.datasource.jdbc.max-size") int poolSize) {
        this.health = health;
        Gauge.builder("latchkey.ready", ready, value -> value.get() ? 1 : 0)
                .description("What the readiness probe answers, asked every five seconds: 1 if the database is reached")
                .register(registry);
        Gauge.builder("latchkey.pool.size", () -> poolSize)
                .description("Most connections of this instance")
                .register(registry);
        if (Files.isReadable(STATUS)) {
            Gauge.builder("process.resident.memory", Vitals::residentBytes)
                    .description("What the process holds of the machine's memory")
                    .baseUnit("bytes")
                    .register(registry);
        }
    }

    @Scheduled(every = "5s", delayed = "5s", concurrentExecution = ConcurrentExecution.SKIP)
    void askReadiness() {
        ready.set(!health.getReadiness().isDown());
    }

    /** From a line such as {@code VmRSS:     81234 kB}. */
    private static double residentBytes() {
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith(RESIDENT))
                    .mapToDouble(line -> 1024 * Double.parseDouble(line.replaceAll("\\D", "")))
                    .sum();
        } catch (IOException e) {
            return Double.NaN;
        }
    }
}
