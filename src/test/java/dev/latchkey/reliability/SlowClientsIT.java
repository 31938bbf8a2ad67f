package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.Memory;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Race;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Clients that send slowly or read slowly take their connections, for a while, and nothing else. */
@Tag("faults")
class SlowClientsIT {

    /** {@code -Dlatchkey.slow-seconds=300} is the long form. */
    private static final int SECONDS = Integer.getInteger("latchkey.slow-seconds", 30);

    private static final int SLOW_CONNECTIONS = 1000;

    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration TOLERANCE = Duration.ofSeconds(2);

    private static Cluster cluster;
    private static Packaged packaged;

    @BeforeAll
    static void start() {
        cluster = Cluster.start();
        OneDatabase database = cluster.newDatabase();
        packaged = Packaged.start(database.settings("_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4 -Xmx256m"));
    }

    @AfterAll
    static void stop() {
        packaged.close();
        cluster.close();
    }

    @Test
    void a_thousand_slow_connections_of_each_kind_disturb_nobody_and_are_given_up() throws Exception {
        String base = "http://localhost:" + packaged.port();
        List<String> many = List.of("-c", "" + SLOW_CONNECTIONS, "-r", "500", "-l", "" + SECONDS, "-p", "5");
        List<Session> sessions = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            sessions.add(packaged.api().newSession());
        }
        AtomicBoolean over = new AtomicBoolean();
        try (Race race = new Race()) {
            SlowHttpTest heads =
                    SlowHttpTest.start(many, "-H", "-i", "5", "-x", "24", "-t", "GET", "-u", base + "/api/auth/me");
            SlowHttpTest bodies = SlowHttpTest.start(
                    many, "-B", "-i", "5", "-x", "10", "-s", "8192", "-t", "POST", "-u", base + "/api/auth/login");
            SlowHttpTest reads = SlowHttpTest.start(
                    many, "-X", "-n", "5", "-z", "32", "-w", "10", "-y", "20", "-k", "3", "-u", base + "/api/auth/me");
            List<Future<List<Long>>> chains = sessions.stream()
                    .map(session -> race.start(() -> refreshUntil(over, session.refreshToken())))
                    .toList();

            int headsLeft = heads.finish();
            int bodiesLeft = bodies.finish();
            int readsLeft = reads.finish();
            over.set(true);

            List<Long> millis = new ArrayList<>();
            chains.forEach(chain -> millis.addAll(Race.result(chain)));
            millis.sort(null);
            long p99 = millis.get(millis.size() * 99 / 100);
            System.out.printf(
                    "%d refreshes beside slow clients: p99 %d ms, %d MiB; left: %d of heads, %d of bodies, %d of reads%n",
                    millis.size(), p99, Memory.mostMebibytes(packaged.process()), headsLeft, bodiesLeft, readsLeft);
            assertThat(p99).isLessThan(250);
            assertThat(headsLeft).isZero();
            assertThat(bodiesLeft).isZero();
        }
    }

    @Test
    void a_connection_has_to_bring_a_whole_request_in_time() {
        String head = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        try (Race race = new Race()) {
            List<Given> given = race.run(List.<Callable<Given>>of(
                    () -> dribble("", ""),
                    () -> dribble("POST /api/auth/login HT", "x"),
                    () -> dribble(head + "X-Slow: ", "x"),
                    () -> dribble(head + "Content-Length: 1000\r\n\r\n{", " "),
                    () -> dribble(head + "Content-Length: 1000\r\n\r\n", ""),
                    () -> dribble(head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
                    () -> dribble(head.replace("json", "xml") + "Content-Length: 1000\r\n\r\n", "x"),
                    () -> dribble("GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x")));

            assertThat(given).allSatisfy(one -> assertThat(one.after()).isBetween(PATIENCE, PATIENCE.plus(TOLERANCE)));
            assertThat(given.subList(0, 3)).extracting(Given::answer).containsOnly("");
            assertThat(given.subList(3, 6))
                    .allSatisfy(one -> assertThat(one.answer())
                            .startsWith("HTTP/1.1 408 ")
                            .containsIgnoringCase("connection: close")
                            .contains("application/problem+json", "\"request_timeout\""));
            assertThat(given.get(6).answer()).startsWith("HTTP/1.1 415 ");
            assertThat(given.get(7).answer()).startsWith("HTTP/1.1 404 ");
        }
    }

    @Test
    void who_goes_on_asking_and_takes_no_answer_is_hung_up_on() throws Exception {
        byte[] requests =
                "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000).getBytes(StandardCharsets.US_ASCII);
        long before = Memory.mebibytes(packaged.process());
        for (int i = 0; i < 20; i++) {
            try (Socket socket = new Socket("localhost", packaged.port())) {
                socket.setSoTimeout(10_000);
                assertThatThrownBy(() -> {
                            for (int j = 0; j < 1000; j++) {
                                socket.getOutputStream().write(requests);
                            }
                        })
                        .isInstanceOf(SocketException.class);
            }
        }
        long after = Memory.mebibytes(packaged.process());
        System.out.printf("who takes no answer: %d MiB before, %d MiB after%n", before, after);
        assertThat(after).isLessThan(before + 100);
        assertThat(packaged.api().refresh("x").status()).isEqualTo(401);
    }

    /** One refresh after the other, with a pause; returns how many milliseconds each took. */
    private static List<Long> refreshUntil(AtomicBoolean over, String first) throws InterruptedException {
        List<Long> millis = new ArrayList<>();
        String token = first;
        while (!over.get()) {
            long start = System.nanoTime();
            token = packaged.api().refresh(token).refreshToken();
            millis.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
            assertThat(token).isNotNull();
            Thread.sleep(25);
        }
        return millis;
    }

    /** What came back before the connection was closed, and when that was. */
    private record Given(String answer, Duration after) {}

    /** Sends the beginning of a request at once, and more of it every second. */
    private static Given dribble(String beginning, String more) throws Exception {
        long start = System.nanoTime();
        try (Socket socket = new Socket("localhost", packaged.port())) {
            socket.getOutputStream().write(beginning.getBytes(StandardCharsets.US_ASCII));
            socket.setSoTimeout(1000);
            StringBuilder answer = new StringBuilder();
            InputStream in = socket.getInputStream();
            byte[] bytes = new byte[4096];
            while (System.nanoTime() - start < PATIENCE.multipliedBy(2).toNanos()) {
                try {
                    int length = in.read(bytes);
                    if (length < 0) {
                        break;
                    }
                    answer.append(new String(bytes, 0, length, StandardCharsets.US_ASCII));
                } catch (java.net.SocketTimeoutException e) {
                    socket.getOutputStream().write(more.getBytes(StandardCharsets.US_ASCII));
                } catch (IOException e) {
                    break; // it was closed while there was something to read
                }
            }
            return new Given(answer.toString(), Duration.ofNanos(System.nanoTime() - start));
        }
    }

    /** Debian's program of that name. */
    private record SlowHttpTest(Process process, Path statistics, Path output) {

        private static final String NONE_LEFT = "No open connections left";

        static SlowHttpTest start(List<String> common, String... options) throws IOException {
            Path folder = Files.createTempDirectory(Path.of("target"), "slow-").toAbsolutePath();
            List<String> command = new ArrayList<>(List.of("slowhttptest"));
            command.addAll(List.of(options));
            command.addAll(common);
            command.addAll(List.of("-g", "-o", folder.resolve("statistics").toString()));
            Path output = folder.resolve("output");
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            return new SlowHttpTest(process, folder.resolve("statistics.csv"), output);
        }

        /** Waits for its end; returns how many connections it still had then. */
        int finish() throws IOException, InterruptedException {
            if (!process.waitFor(SECONDS + 30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IllegalStateException("slowhttptest does not end: " + Files.readString(output));
            }
            List<String> lines = Files.readAllLines(statistics);
            String[] last = lines.get(lines.size() - 1).split(","); // seconds, closed, pending, connected, available
            assertThat(Integer.parseInt(last[1].strip()) + Integer.parseInt(last[3].strip()))
                    .as(String.join("\n", lines))
                    .isGreaterThanOrEqualTo(SLOW_CONNECTIONS * 9 / 10);
            return Files.readString(output).contains(NONE_LEFT) ? 0 : Integer.parseInt(last[3].strip());
        }
    }
}
