package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.User;
import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.Memory;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Waiting;
import dev.latchkey.token.InsertedSessions;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Three times the load that can be carried, by a database that takes its time. It and the service have one processor and the load
 * has another, while the peak is measured and while it is too much. So it is not the load that is measured.
 */
@Tag("faults")
class OverloadIT {

    /** {@code -Dlatchkey.overload-seconds=300} is the long form. */
    private static final Duration DURATION = Duration.ofSeconds(Long.getLong("latchkey.overload-seconds", 10));

    private static final Duration WARM_UP = Duration.ofSeconds(5);
    private static final int WARM_UPS = 2;
    private static final int WARM_UP_PAUSE = 100;

    private static final int SERVICE_CORE = 0;
    private static final int LOAD_CORE = 1;

    private static final int PEAK_CONNECTIONS = 200;

    /** The default of {@code MAX_REQUESTS_IN_PROGRESS}. */
    private static final int MOST_IN_PROGRESS = 1000;

    /** Those that are let in wait for their answers; the others come again and again. */
    private static final int CONNECTIONS = 2 * MOST_IN_PROGRESS;

    private static final int HEAP_MEBIBYTES = 256;

    /** Code, threads, and the buffers of the connections. */
    private static final int BESIDE_HEAP_MEBIBYTES = 256;

    /** As in production: what Packaged says by itself starts fast and runs slowly. */
    private static final String OPTIONS = "-XX:TieredStopAtLevel=4 -Xmx" + HEAP_MEBIBYTES + "m";

    /** A database that carries less than the service, as the one of production does: its disk and its standby take their time. */
    private static final String SLOW = """
            CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$;
            CREATE TRIGGER slow AFTER INSERT ON refresh_tokens EXECUTE FUNCTION take_time()
            """;

    private static Cluster cluster;
    private static OneDatabase database;
    private static Map<String, String> settings;
    private static Packaged packaged;

    @BeforeAll
    static void start() {
        cluster = Cluster.start();
        database = cluster.newDatabase();
        settings = database.settings("_JAVA_OPTIONS", OPTIONS, "ROTATION_GROUP_SIZE", "10");
        packaged = Packaged.start(settings);
        database.execute(SLOW);
    }

    @AfterAll
    static void stop() {
        packaged.close();
        cluster.close();
    }

    @Test
    void what_is_too_much_is_shed_at_once_and_the_rest_is_answered_as_ever() {
        User user = packaged.api().newUser();
        warmUp();
        Load peak = load(PEAK_CONNECTIONS, DURATION, 0);
        // As nearly an open loop as wrk can be: whoever is not let in pauses for a while that does not
        // depend on the answer.
        int pause = (int) (1000 * (CONNECTIONS - MOST_IN_PROGRESS) / (3 * peak.good()));
        load(CONNECTIONS, WARM_UP, pause);

        Load overload;
        Observed observed;
        AtomicBoolean over = new AtomicBoolean();
        try (Race race = new Race()) {
            Future<Observed> observing = race.start(() -> observe(over));
            overload = load(CONNECTIONS, DURATION, pause);
            over.set(true);
            observed = Race.result(observing);
        }

        assertRecovers(user);
        Load peakAgain = load(PEAK_CONNECTIONS, DURATION, 0);
        System.out.printf("%s%n%s%n%s%n%s%n", peak, overload, peakAgain, observed);
        double carried = Math.max(peak.good(), peakAgain.good());
        assertThat(peak.shed() + peakAgain.shed()).isZero();
        assertThat(peak.wrong() + overload.wrong() + peakAgain.wrong())
                .as(peak.complaint() + overload.complaint() + peakAgain.complaint())
                .isZero();
        assertThat(overload.offered()).isGreaterThan(2.5 * carried);
        assertThat(overload.good()).isGreaterThan(0.8 * carried);
        assertThat(overload.shedP99()).isLessThan(100);
        // whoever is let in last waits for all that were let in before
        assertThat((double) overload.goodP99()).isLessThan(2 * 1000 * MOST_IN_PROGRESS / overload.good());
        assertThat(observed.unready()).isZero();
        assertThat(observed.mebibytes()).isLessThan(HEAP_MEBIBYTES + BESIDE_HEAP_MEBIBYTES);
        assertThat(packaged.output()).doesNotContain("\"level\":\"ERROR\"");
    }

    /** With both processors, and with all that is measured later: compiling takes long on one. */
    private static void warmUp() {
        for (int i = 0; i < WARM_UPS; i++) {
            load(PEAK_CONNECTIONS, WARM_UP, 0);
            load(CONNECTIONS, WARM_UP, WARM_UP_PAUSE);
        }
        pin(packaged.process());
        pin(postmaster());
        load(PEAK_CONNECTIONS, WARM_UP, 0);
    }

    private static Load load(int connections, Duration duration, int pause) {
        String[] tokens = InsertedSessions.begin(connections, database, settings);
        return Load.run(packaged.port(), tokens, duration, pause, LOAD_CORE);
    }

    private static void assertRecovers(User user) {
        Waiting.until( // what was let in is done
                Duration.ofSeconds(2),
                () -> Management.metric(packaged.management(), "latchkey_requests_in_progress") == 0);
        Answer login = packaged.api().login(user.email(), Api.PASSWORD);
        assertThat(login.status()).isEqualTo(200);
        long asked = System.nanoTime();
        Answer refresh = packaged.api().refresh(login.refreshToken());
        assertThat(Duration.ofNanos(System.nanoTime() - asked)).isLessThan(Duration.ofMillis(100));
        assertThat(refresh.status()).isEqualTo(200);
    }

    /**
     * What was seen meanwhile.
     *
     * @param probes how often it was asked whether it is ready
     * @param unready how often it was not
     * @param mebibytes the most that it had in memory
     */
    private record Observed(int probes, int unready, long mebibytes) {}

    private static Observed observe(AtomicBoolean over) throws InterruptedException {
        int probes = 0;
        int unready = 0;
        while (!over.get()) {
            probes++;
            Answer answer = packaged.management().send(packaged.management().request("/q/health/ready"));
            unready += answer.status() == 200 ? 0 : 1;
            Thread.sleep(500);
        }
        return new Observed(probes, unready, Memory.mostMebibytes(packaged.process()));
    }

    private static ProcessHandle postmaster() {
        long child = database.count("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
        return ProcessHandle.of(child).flatMap(ProcessHandle::parent).orElseThrow();
    }

    /** With all its threads and children, and those to come. */
    private static void pin(ProcessHandle process) {
        Stream.concat(Stream.of(process), process.descendants()).forEach(each -> {
            String pid = Long.toString(each.pid());
            try {
                new ProcessBuilder("taskset", "-a", "-c", "-p", Integer.toString(SERVICE_CORE), pid)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor();
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }
}
