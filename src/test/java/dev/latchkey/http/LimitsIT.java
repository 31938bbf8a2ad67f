package dev.latchkey.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Api.User;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Waiting;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** One more than there may be: requests in progress, connections, milliseconds that a lock is waited for. */
class LimitsIT {

    private static final String ORIGIN = "https://app.example.org";
    private static final int MOST_CONNECTIONS = 20;

    private static Postgres postgres;
    private static OneDatabase database;
    private static Packaged two;
    private static Packaged impatient;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        database = postgres.database();
        List<Packaged> both = Packaged.startAll(List.of(
                database.settings("MAX_REQUESTS_IN_PROGRESS", "2", "CORS_ORIGINS", ORIGIN, "DB_TIMEOUT", "20s"),
                database.settings("MAX_CONNECTIONS", Integer.toString(MOST_CONNECTIONS), "DB_TIMEOUT", "2s")));
        two = both.get(0);
        impatient = both.get(1);
    }

    @AfterAll
    static void stop() {
        impatient.close();
        two.close();
        postgres.close();
    }

    @Test
    void one_more_request_than_may_be_in_progress_is_shed_at_once() throws Exception {
        User user = two.api().newUser();
        Session one = two.api().logIn(user);
        Session other = two.api().logIn(user);
        Session third = two.api().logIn(user);
        double shed = shed();
        try (Race race = new Race()) {
            List<Future<Answer>> waiting = new ArrayList<>();
            whileTokensAreLocked(() -> {
                waiting.add(race.start(() -> two.api().refresh(one.refreshToken())));
                waiting.add(race.start(() -> two.api().logout(other.refreshToken())));
                Waiting.until(() -> inProgress() == 2);
                Instant asked = Instant.now();

                Answer refresh = two.api()
                        .post(
                                "/api/auth/refresh",
                                new JsonObject().put("refresh_token", third.refreshToken()),
                                "X-Request-Id",
                                "one-more");
                Answer me = two.api().me(third.accessToken());

                assertThat(Duration.between(asked, Instant.now())).isLessThan(Duration.ofMillis(500));
                for (Answer answer : List.of(refresh, me)) {
                    ContractTest.assertProblem(answer, 503, "temporarily_unavailable");
                    assertThat(answer.header("Retry-After")).isEqualTo("1");
                }
                assertThat(refresh.header("X-Request-Id")).isEqualTo("one-more");
                assertThat(shed()).isEqualTo(shed + 2);
                assertThat(ready(two)).isEqualTo(200);
            });
            assertThat(Race.result(waiting.get(0)).status()).isEqualTo(200);
            assertThat(Race.result(waiting.get(1)).status()).isEqualTo(204);
        }
        assertThat(two.api().refresh(third.refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void a_web_page_may_read_that_it_was_shed() throws Exception {
        User user = two.api().newUser();
        List<Session> sessions = List.of(two.api().logIn(user), two.api().logIn(user));
        whileTokensAreLocked(() -> {
            sendAndHangUp(sessions);

            Answer shed = two.api().post("/api/auth/refresh", new JsonObject(), "Origin", ORIGIN);

            assertThat(shed.status()).isEqualTo(503);
            assertThat(shed.header("Access-Control-Allow-Origin")).isEqualTo(ORIGIN);
            assertThat(shed.header("Access-Control-Expose-Headers")).contains("retry-after");
        });
        Waiting.until(() -> inProgress() == 0);
    }

    /** Otherwise clients that lose patience and come again could fill the memory with work for nobody. */
    @Test
    void who_hangs_up_makes_no_room_before_the_work_is_done() throws Exception {
        User user = two.api().newUser();
        List<Session> sessions = List.of(two.api().logIn(user), two.api().logIn(user));
        whileTokensAreLocked(() -> {
            sendAndHangUp(sessions);

            assertThat(two.api().refresh("x").status()).isEqualTo(503);
            assertThat(inProgress()).isEqualTo(2);
        });
        Waiting.until(() -> inProgress() == 0);
        assertThat(two.api().refresh("x").status()).isEqualTo(401);
    }

    @Test
    void bodies_that_come_when_all_heads_were_let_in_are_counted_one_by_one() throws Exception {
        List<String> requests = Stream.generate(two.api()::newSession)
                .limit(5)
                .map(session -> request("/api/auth/refresh", session))
                .toList();
        List<Socket> sockets = new ArrayList<>();
        double shed = shed();
        whileTokensAreLocked(() -> {
            for (String request : requests) {
                Socket socket = new Socket("localhost", two.port());
                sockets.add(socket);
                send(socket, request.substring(0, request.indexOf('{')));
            }
            Thread.sleep(300);
            for (int i = 0; i < 5; i++) {
                send(sockets.get(i), requests.get(i).substring(requests.get(i).indexOf('{')));
            }

            Waiting.until(() -> shed() == shed + 3 && inProgress() == 2);
        });
        List<String> answers = new ArrayList<>();
        for (Socket socket : sockets) {
            answers.add(answer(socket, "").substring(0, "HTTP/1.1 200".length()));
            socket.close();
        }
        assertThat(answers)
                .containsExactlyInAnyOrder(
                        "HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 503", "HTTP/1.1 503", "HTTP/1.1 503");
    }

    @Test
    void a_call_whose_session_is_being_looked_up_is_in_progress() throws Exception {
        Session session = two.api().newSession();
        try (Race race = new Race()) {
            List<Future<Answer>> waiting = new ArrayList<>();
            whileLocked("login_sessions IN ACCESS EXCLUSIVE MODE", () -> {
                waiting.add(race.start(() -> two.api().me(session.accessToken())));
                waiting.add(race.start(() -> two.api().logoutAll(session.accessToken())));
                Waiting.until(() -> inProgress() == 2);

                assertThat(two.api().me(session.accessToken()).status()).isEqualTo(503);
            });
            assertThat(Race.result(waiting.get(0)).status()).isIn(200, 401); // the other one may have been faster
            assertThat(Race.result(waiting.get(1)).status()).isEqualTo(204);
        }
        Waiting.until(() -> inProgress() == 0);
    }

    @Test
    void one_more_connection_than_there_may_be_is_hung_up_on() throws IOException {
        List<Socket> sockets = new ArrayList<>();
        try {
            String answer;
            do {
                Socket socket = new Socket("localhost", impatient.port());
                sockets.add(socket);
                answer = answer(socket, "GET /api/auth/me HTTP/1.1\r\nHost: x\r\n\r\n");
            } while (answer.startsWith("HTTP/1.1 401") && sockets.size() <= MOST_CONNECTIONS);

            assertThat(answer).isEmpty();
            assertThat(sockets).hasSizeGreaterThan(MOST_CONNECTIONS / 2); // this test's clients have some, too
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
        Waiting.until(() -> impatient.api().refresh("x").status() == 401);
    }

    @Test
    void a_connection_that_ends_inside_a_request_behind_another_makes_room_for_a_new_one() throws Exception {
        Session session = impatient.api().newSession();
        String whole = request("/api/auth/refresh", session);
        String half = whole.substring(0, whole.length() - 2);
        whileTokensAreLocked(() -> {
            for (int i = 0; i < 3 * MOST_CONNECTIONS; i++) {
                try (Socket socket = new Socket("localhost", impatient.port())) {
                    send(socket, whole + half);
                    Thread.sleep(20); // so that both have begun
                }
            }
        });
        Waiting.until(() -> isAnswered(impatient));
        assertThat(impatient.output()).doesNotContain("NullPointerException");
    }

    private static boolean isAnswered(Packaged packaged) {
        try (Socket socket = new Socket("localhost", packaged.port())) {
            return answer(socket, "GET /api/auth/me HTTP/1.1\r\nHost: x\r\n\r\n")
                    .startsWith("HTTP/1.1 401");
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void a_row_that_somebody_holds_is_given_up_in_time_and_holds_up_nobody_else() throws SQLException {
        List<Session> sessions = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            sessions.add(impatient.api().newSession());
        }
        try (Race race = new Race();
                Connection holding = Db.connect(database.url())) {
            holding.setAutoCommit(false);
            Db.rows(
                    holding,
                    "SELECT FROM users WHERE id = ? FOR UPDATE",
                    sessions.get(0).user());
            Instant asked = Instant.now();

            List<Answer> answers = race.run(sessions.stream()
                    .map(session -> (Callable<Answer>) () -> impatient.api().refresh(session.refreshToken()))
                    .toList());

            assertThat(Duration.between(asked, Instant.now())).isLessThan(Duration.ofSeconds(3));
            assertThat(answers.get(0).code()).isEqualTo("temporarily_unavailable");
            assertThat(answers.subList(1, 8))
                    .allSatisfy(answer -> assertThat(answer.status()).isEqualTo(200));
        }
        assertThat(impatient.api().refresh(sessions.get(0).refreshToken()).status())
                .isEqualTo(200);
    }

    private interface Step {
        void take() throws Exception;
    }

    /** Nobody can write a token meanwhile. */
    private static void whileTokensAreLocked(Step step) throws Exception {
        whileLocked("refresh_tokens IN SHARE MODE", step);
    }

    private static void whileLocked(String tableAndMode, Step step) throws Exception {
        try (Connection connection = Db.connect(database.url())) {
            connection.setAutoCommit(false);
            Db.update(connection, "LOCK TABLE " + tableAndMode);
            Waiting.until(() -> inProgress() == 0); // a request is in progress until a moment after its answer
            step.take();
        }
    }

    /** A refresh and a logout, whose clients don't wait for the answer. */
    private static void sendAndHangUp(List<Session> sessions) throws IOException {
        List<String> paths = List.of("/api/auth/refresh", "/api/auth/logout");
        for (int i = 0; i < 2; i++) {
            int before = i;
            try (Socket socket = new Socket("localhost", two.port())) {
                send(socket, request(paths.get(i), sessions.get(i)));
                Waiting.until(() -> inProgress() == before + 1);
            }
        }
    }

    private static String request(String path, Session session) {
        String body =
                new JsonObject().put("refresh_token", session.refreshToken()).encode();
        return "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(path, body.length(), body);
    }

    /** What comes first; empty if the connection is closed instead. */
    private static String answer(Socket socket, String request) throws IOException {
        send(socket, request);
        socket.setSoTimeout(5_000);
        InputStream in = socket.getInputStream();
        byte[] bytes = new byte[4096];
        try {
            int length = in.read(bytes);
            return length < 0 ? "" : new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
        } catch (java.net.SocketException e) {
            return "";
        }
    }

    private static void send(Socket socket, String request) throws IOException {
        socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
    }

    private static double inProgress() {
        return Management.metric(two.management(), "latchkey_requests_in_progress");
    }

    private static double shed() {
        return Management.metric(two.management(), "latchkey_requests_shed_total");
    }

    private static int ready(Packaged packaged) {
        return packaged.management()
                .send(packaged.management().request("/q/health/ready"))
                .status();
    }
}
