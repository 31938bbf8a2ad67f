package dev.latchkey.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.RawHttp;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever is sent, it is answered, by a problem of the sender's making: never a 5xx, a hang, or a stack trace. */
@QuarkusTest
class GarbageTest {

    private static final String REFRESH = "/api/auth/refresh";
    private static final String LOGOUT = "/api/auth/logout";

    private static final int MORE_THAN_THREADS = 400;

    private final Api api = Api.underTest();

    /** Of random tokens and bodies. */
    int rounds() {
        return 2000;
    }

    @Test
    void a_body_that_is_no_json_object_is_refused() {
        for (String body : List.of(
                "",
                " ",
                "null",
                "true",
                "1",
                "[]",
                "[{}]",
                "\"x\"",
                "{",
                "}",
                "{]",
                "{\"",
                "x",
                "refresh_token=x",
                "<a/>",
                "{\"refresh_token\"}",
                "{\"refresh_token\":}",
                "{'refresh_token':'x'}",
                "{refresh_token:\"x\"}",
                "{\"refresh_token\":\"x\",}",
                "{\"refresh_token\":\"x\"",
                "{\"refresh_token\":\"x}",
                "{\"refresh_token\":\"x\"} x",
                "{\"refresh_token\":\"x\"}{}",
                "{\"refresh_token\":\"x\"}]",
                "{\"refresh_token\":\"x\",\"refresh_token\":\"x\"}",
                "{\"refresh_token\":\"\\x\"}",
                "{\"refresh_token\":\"\\u12\"}",
                "{\"refresh_token\":\"a\nb\"}",
                "{\"refresh_token\":NaN}",
                "//\n{\"refresh_token\":\"x\"}",
                "\u0000",
                "{\"refresh_token\":\"a\u0000\"}")) {
            for (String path : Api.FIELDS.keySet()) {
                assertProblem(400, path, body.getBytes(StandardCharsets.UTF_8));
            }
        }
    }

    @Test
    void a_value_that_is_no_string_is_refused_by_its_name() {
        for (String value :
                List.of("1", "-1.5e300", "true", "false", "[]", "[\"x\"]", "{}", "{\"x\":\"x\"}", "[[[]]]")) {
            Api.FIELDS.forEach((path, fields) -> fields.forEach(field -> {
                Answer answer = post(path, bodyOf(path, field, value).getBytes(StandardCharsets.UTF_8));
                ContractTest.assertProblem(answer, 400, "invalid_request");
                assertThat(answer.json().getJsonArray("violations").encode()).contains("\"" + field + "\"");
            }));
        }
    }

    @Test
    void a_missing_value_is_refused_by_its_name() {
        Api.FIELDS.forEach((path, fields) -> fields.stream()
                .filter(field -> !field.equals("device"))
                .forEach(field -> {
                    Answer answer = post(path, bodyOf(path, field, "null").getBytes(StandardCharsets.UTF_8));
                    ContractTest.assertProblem(answer, 400, "invalid_request");
                    assertThat(answer.json().getJsonArray("violations").encode())
                            .contains("\"" + field + "\"");
                }));
    }

    @Test
    void a_deep_body_is_refused() {
        for (String opening : List.of("[", "{\"x\":", "{\"refresh_token\":[", "[{\"refresh_token\":")) {
            byte[] deep = opening.repeat(8000 / opening.length()).getBytes(StandardCharsets.UTF_8);
            for (String path : Api.FIELDS.keySet()) {
                assertProblem(400, path, deep);
            }
        }
    }

    @Test
    void bytes_that_are_no_utf_8_are_refused() {
        for (String hex : List.of("ff", "fe", "c3", "c328", "eda080", "edb080", "f8888080", "f4908080", "80", "c080")) {
            byte[] bytes = java.util.HexFormat.of().parseHex(hex);
            for (String path : Api.FIELDS.keySet()) {
                for (String field : Api.FIELDS.get(path)) {
                    byte[] body = bodyOf(path, field, "\"\u0001\"").getBytes(StandardCharsets.UTF_8);
                    assertRefused(post(path, replace(body, (byte) 1, bytes)), path);
                }
            }
        }
    }

    @Test
    void other_encodings_do_no_harm() {
        for (var charset : List.of(StandardCharsets.UTF_16, StandardCharsets.UTF_16LE, StandardCharsets.UTF_16BE)) {
            for (String path : Api.FIELDS.keySet()) {
                assertRefused(
                        post(path, "{\"refresh_token\":\"x\",\"email\":\"x\",\"password\":\"x\"}".getBytes(charset)),
                        path);
                assertProblem(400, path, "nonsense".getBytes(charset));
            }
        }
    }

    /** As a client can write them in JSON without breaking its rules. */
    @Test
    void characters_that_postgresql_can_not_store_are_refused_or_dropped() {
        for (String escape : List.of(
                "\\u0000",
                "x\\u0000",
                "\\u0000x\\u0000",
                "\\ud800",
                "x\\udc00",
                "\\udc00\\ud800",
                "\\ud83dx\\ude00",
                "\\u0001\\u0002\\u001f",
                "\\u007f\\u0085\\u009f",
                "\\ufffe\\uffff",
                "\\u202e",
                "\\r\\n\\t\\b\\f")) {
            Api.FIELDS.forEach((path, fields) -> fields.forEach(field -> {
                Answer answer =
                        post(path, bodyOf(path, field, "\"" + escape + "\"").getBytes(StandardCharsets.UTF_8));
                assertRefused(answer, path);
            }));
        }
    }

    @Test
    void long_values_are_refused() {
        for (String value :
                List.of("x".repeat(8000), "\ud83d\ude00".repeat(1900), "@".repeat(8000), " ".repeat(8000))) {
            Api.FIELDS.forEach((path, fields) -> fields.forEach(field -> {
                Answer answer =
                        post(path, bodyOf(path, field, "\"" + value + "\"").getBytes(StandardCharsets.UTF_8));
                assertRefused(answer, path);
            }));
        }
    }

    @Test
    void another_spelling_of_a_valid_token_is_no_token() {
        String token = api.newSession().refreshToken();
        String body = token.substring(3);
        for (String spelling : List.of(
                " " + token,
                token + " ",
                token + "\n",
                "\t" + token,
                "LK_" + body,
                "Lk_" + body,
                body,
                "lk_lk_" + body,
                "lk-" + body,
                token + "=",
                token + "==",
                token + "A",
                token.substring(0, 94),
                token.substring(0, 91),
                token.substring(0, 3),
                token + token,
                token.toLowerCase(),
                token.toUpperCase(),
                "Bearer " + token,
                token + "\u0000",
                "lk_" + body.substring(1),
                "lk_" + Base64.getEncoder().encodeToString(body.getBytes(StandardCharsets.UTF_8)),
                "lk_" + new StringBuilder(body).reverse(),
                token.replace("lk_", "lk_\u200b"),
                "\ufeff" + token)) {
            assertThat(api.refresh(spelling).code()).as(spelling).isEqualTo("token_invalid");
            assertThat(api.logout(spelling).status()).as(spelling).isEqualTo(204);
        }
        assertThat(api.refresh(token).status()).as("none of them had an effect").isEqualTo(200);
    }

    @Test
    void each_flipped_bit_of_a_valid_token_is_noticed() {
        String token = api.newSession().refreshToken();
        byte[] bytes = Base64.getUrlDecoder().decode(token.substring(3));
        int step = rounds() >= 8 * bytes.length ? 1 : 8;
        for (int bit = 0; bit < 8 * bytes.length; bit += step) {
            byte[] changed = bytes.clone();
            changed[bit / 8] ^= (byte) (1 << (bit % 8));
            String flipped = "lk_" + Base64.getUrlEncoder().withoutPadding().encodeToString(changed);
            assertThat(api.refresh(flipped).code()).as("bit " + bit).isEqualTo("token_invalid");
            assertThat(api.logout(flipped).status()).isEqualTo(204);
        }
        assertThat(api.refresh(token).status()).isEqualTo(200);
    }

    @Test
    void random_tokens_and_bodies_are_refused() {
        long seed = System.nanoTime();
        System.out.println("garbage with seed " + seed);
        Random random = new Random(seed);
        String token = api.newSession().refreshToken();
        byte[] valid = new JsonObject().put("refresh_token", token).encode().getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < rounds() / 4; i++) {
            byte[] noise = new byte[random.nextInt(200)];
            random.nextBytes(noise);
            assertRefused(post(REFRESH, noise), REFRESH);

            String changed = replaceSomewhere(token, random);
            assertThat(api.refresh(changed).code()).as(changed).isEqualTo("token_invalid");

            byte[] mutated = valid.clone();
            // within the token and its quotes, so that what is left never means the token
            mutated[18 + random.nextInt(mutated.length - 20)] ^= (byte) (1 << random.nextInt(8));
            assertRefused(post(REFRESH, mutated), REFRESH);
        }
        assertThat(api.refresh(token).status()).isEqualTo(200);
    }

    @Test
    void a_forged_token_takes_no_connection() {
        byte[] bytes =
                Base64.getUrlDecoder().decode(api.newSession().refreshToken().substring(3));
        Random random = new Random(3);
        double before = Management.metric("agroal_acquire_count_total");
        long start = System.nanoTime();
        for (int i = 0; i < rounds(); i++) {
            byte[] forged = bytes.clone();
            forged[1 + random.nextInt(68)] ^= (byte) (1 + random.nextInt(255));
            String text = "lk_" + Base64.getUrlEncoder().withoutPadding().encodeToString(forged);
            if (i % 2 == 0) {
                assertThat(api.refresh(text).code()).isEqualTo("token_invalid");
            } else {
                assertThat(api.logout(text).status()).isEqualTo(204);
            }
        }
        double taken = Management.metric("agroal_acquire_count_total") - before;

        // The clean-up goes on meanwhile: a pass every 2 seconds, of less than 20 statements while tables are small.
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf("%d forged tokens in %.1f s: %.0f connections taken%n", rounds(), seconds, taken);
        assertThat(taken).isLessThan(20 * (2 + seconds / 2)).isLessThan(rounds());
    }

    @Test
    void broken_headers_are_refused() {
        String accessToken = api.newSession().accessToken();
        for (String authorization : List.of(
                "Bearer " + "x".repeat(6000),
                "Bearer " + accessToken + "x",
                "Bearer x" + accessToken,
                "Bearer a.b.c.d.e",
                "Bearer ..",
                "Bearer " + accessToken.substring(0, 50),
                "Bearer \u00e4\u00ff",
                "Bearer " + "{}",
                "Bearer null",
                "Bearer , ,")) {
            Answer answer = api.send(api.request("/api/auth/me").header("Authorization", authorization));
            ContractTest.assertProblem(answer, 401, "access_token_invalid");
        }
        for (String scheme :
                List.of("\u00e4\u00ff", "x".repeat(6000), "\"", "=", "Basic", "Basic " + "x".repeat(6000))) {
            Answer answer = api.send(api.request("/api/auth/me").header("Authorization", scheme));
            ContractTest.assertProblem(answer, 401, "access_token_missing");
        }
    }

    @Test
    void what_is_no_http_is_answered_or_hung_up_on() {
        for (String request : List.of(
                "x\r\n\r\n",
                "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n".formatted("%"),
                "GET /api/auth/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /api/auth/me HTTP/1.1\r\nHost: x\r\nX: " + "x".repeat(70_000) + "\r\n\r\n",
                "GET /" + "x".repeat(70_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\nContent-Length: 2\r\n\r\n{}")) {
            String answer = RawHttp.anything(RestAssured.port, request);
            assertThat(answer)
                    .as(request.substring(0, Math.min(80, request.length())))
                    .matches("(?s)(HTTP/1\\.[01] 4\\d\\d .*)?");
            assertThat(answer).doesNotContain("Exception", "\tat ");
        }
    }

    @Test
    void bodies_that_come_slowly_hold_up_nobody_else() throws IOException {
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < MORE_THAN_THREADS; i++) {
                Socket socket = new Socket("localhost", RestAssured.port);
                slow.add(socket);
                String path = List.copyOf(Api.FIELDS.keySet()).get(i % Api.FIELDS.size());
                String head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n";
                String length =
                        i % 7 == 0 ? "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n" : "Content-Length: 2\r\n\r\n{";
                write(socket, head.formatted(path) + length);
            }

            Instant start = Instant.now();
            Api.Session session = api.newSession();
            assertThat(api.refresh(session.refreshToken()).status()).isEqualTo(200);
            assertThat(api.logout(session.refreshToken()).status()).isEqualTo(204);
            assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(10));

            for (int i = 0; i < slow.size(); i += 50) {
                write(slow.get(i), i % 7 == 0 ? "1\r\n}\r\n0\r\n\r\n" : "}");
                assertThat(read(slow.get(i))).as("number " + i).startsWith("HTTP/1.1 400 ");
            }
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void a_request_without_a_host_is_refused() {
        for (String host : List.of("", "Host: a|b\r\n", "Host: localhost:x\r\n")) {
            String answer = RawHttp.whole(
                    RestAssured.port, "GET /api/auth/me HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n");
            assertThat(answer).as(host).startsWith("HTTP/1.1 400 ").endsWith("content-length: 0\r\n\r\n");
        }
    }

    @Test
    void a_huge_body_is_refused_before_it_is_sent() {
        String answer = RawHttp.whole(
                RestAssured.port,
                "POST /api/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
                        + "x".repeat(20_000));

        assertThat(answer).startsWith("HTTP/1.1 413 ").contains("payload_too_large");
    }

    private void assertProblem(int status, String path, byte[] body) {
        Answer answer = post(path, body);
        assertThat(answer.status())
                .as(path + " " + new String(body, StandardCharsets.UTF_8))
                .isEqualTo(status);
        assertRefused(answer, path);
    }

    /** A whole problem, or at logout 204 for any string. */
    private static void assertRefused(Answer answer, String path) {
        if (path.equals(LOGOUT) && answer.status() == 204) {
            return;
        }
        assertThat(answer.status()).as(answer.body()).isBetween(400, 499);
        ContractTest.assertProblem(answer, answer.status(), answer.code());
        assertThat(answer.body()).doesNotContain("Exception", "dev.latchkey", "\\tat ", "java.");
    }

    private Answer post(String path, byte[] body) {
        return api.send(api.request(path)
                .timeout(Duration.ofSeconds(10))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(body)));
    }

    /** A body in which one field has the given value, as JSON, and the others are right, but for an e-mail that nobody has. */
    private static String bodyOf(String path, String field, String value) {
        List<String> members = new ArrayList<>();
        for (String each : Api.FIELDS.get(path)) {
            String usual = path.endsWith("register") ? "\"x\"" : "\"nobody@example.org\"";
            members.add("\"%s\":%s".formatted(each, each.equals(field) ? value : usual));
        }
        return "{" + String.join(",", members) + "}";
    }

    private static byte[] replace(byte[] body, byte what, byte[] by) {
        String latin = new String(body, StandardCharsets.ISO_8859_1);
        return latin.replace(String.valueOf((char) what), new String(by, StandardCharsets.ISO_8859_1))
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String replaceSomewhere(String token, Random random) {
        int place = 3 + random.nextInt(token.length() - 3);
        char other;
        do {
            other = (char) (32 + random.nextInt(95));
        } while (other == token.charAt(place));
        return token.substring(0, place) + other + token.substring(place + 1);
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String read(Socket socket) throws IOException {
        socket.setSoTimeout(10_000);
        return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }
}
