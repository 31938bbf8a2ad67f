package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.reliability.Clients.Report;
import dev.latchkey.testing.OneDatabase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** What the tests of faults have in common: how long they last, and what has to come of them. */
final class Faults {

    /** Short, so that thefts can be told soon. */
    static final Duration RETRY_WINDOW = Duration.ofSeconds(6);

    /** Shorter, so that a client that is told "later" still comes back in time. */
    private static final String DB_TIMEOUT = "3s";

    /** Longer than DB_TIMEOUT, so that calls are given up, and shorter than the retry window. */
    static final Duration LONG = Duration.ofSeconds(4);

    /** A few of each fault are in the short form, too. */
    private static final int FEWEST = 4;

    private static final Path TABLE = Path.of("target/reliability.md");

    private Faults() {}

    /** A test's rotations: {@code -Dlatchkey.rotations=200000} is the long form. */
    static long rotations() {
        return Long.getLong("latchkey.rotations", 4000);
    }

    /** Settings of a service on a database, with more or others if need be: name, value, … */
    static Map<String, String> settings(OneDatabase database, String... more) {
        Map<String, String> settings = database.settings(more);
        settings.putIfAbsent("RETRY_WINDOW", RETRY_WINDOW.toSeconds() + "s");
        settings.putIfAbsent("DB_TIMEOUT", DB_TIMEOUT);
        settings.putIfAbsent("ACCESS_TOKEN_TTL", "1d"); // the rules know nothing of its end
        if (isLongForm()) {
            settings.putIfAbsent("_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4"); // slower to start, but soon faster
        }
        return settings;
    }

    /** How long something lasts that can last: a minute in the long form. */
    static Duration outage() {
        return isLongForm() ? Duration.ofMinutes(1) : LONG;
    }

    private static boolean isLongForm() {
        return rotations() >= 100_000;
    }

    /** Something that is done to the service while clients use it, and undone. */
    interface Fault {
        void happen(int time) throws Exception;
    }

    /** Lets a fault happen again and again until there were enough rotations, with time to recover in between. */
    static void again(Clients clients, Fault fault) {
        again(clients, fault, () -> {});
    }

    /** The same, with something that has to be done before the next time, but does not harm the service. */
    static void again(Clients clients, Fault fault, Runnable preparation) {
        for (int time = 0; time < FEWEST || clients.rotations() < rotations(); time++) {
            clients.rotate(Math.min(rotations() / 10, 5000));
            Clients.Fault window = clients.fault();
            try {
                fault.happen(time);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            window.over();
            clients.rotate(200);
            pause(Clients.RECOVERY);
            preparation.run();
        }
    }

    static void pause(Duration duration) {
        Clients.sleep(duration.toMillis());
    }

    /** Nothing may have been lost; writes the line of the table. */
    static Report assertNothingLost(String what, Clients clients, OneDatabase database) {
        Report report = clients.finish(database);
        write(report.line(what));
        assertThat(report.violations()).as(report.shown()).isEmpty();
        assertThat(report.rotations()).isGreaterThanOrEqualTo(rotations());
        assertThat(report.replays()).isPositive();
        assertThat(report.thefts()).isPositive();
        return report;
    }

    private static void write(String line) {
        try {
            String table = Files.exists(TABLE) ? Files.readString(TABLE) : Report.HEAD;
            Files.writeString(TABLE, table + line + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
