package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.http.Problem;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Fuzz;
import dev.latchkey.testing.FuzzInput;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.RawHttp;
import io.vertx.core.json.JsonObject;
import java.util.Locale;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Whatever is sent to the service, it answers in time and by the contract: never with a 5xx (a login that finds too many
 * before it is told {@code overloaded}), and an error is a problem with a known code. Afterwards it holds no more than before:
 * no request, no connection, no thread, no series of metrics, no memory.
 */
@Tag("faults")
class FuzzServiceIT {

    /** Each goes over the wire, which takes so much longer than to call a function. */
    private static final long INPUTS = Fuzz.inputs() / 100;

    private static final int CLIENTS = 8;

    /** After so many inputs a new session takes the place of the one whose tokens they use. */
    private static final int INPUTS_OF_A_SESSION = 500;

    /** Little memory, so that what is not given back is soon missed; and each buffer of Netty that was lost is in the log. */
    private static final String JVM = "-Xmx96m -XX:MaxDirectMemorySize=32m"
            + " -Dio.netty.leakDetection.level=simple -Dio.netty.leakDetection.samplingInterval=1";

    private static Postgres postgres;
    private static Packaged service;
    private static volatile Session session;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        service = Packaged.start(postgres.database()
                .settings(
                        "TRUSTED_PROXIES",
                        "127.0.0.0/8,::1",
                        "CORS_ORIGINS",
                        "https://app.example.org",
                        "JDK_JAVA_OPTIONS",
                        JVM));
    }

    @AfterAll
    static void stop() {
        service.close();
        postgres.close();
    }

    @Test
    void any_body_is_answered() {
        fuzz(FuzzRequests::withJson, true);
    }

    @Test
    void any_authorization_is_answered() {
        fuzz(FuzzRequests::withAuthorization, true);
    }

    @Test
    void any_forwarding_is_answered() {
        fuzz(FuzzRequests::withForwarding, true);
    }

    @Test
    void anything_is_answered_or_hung_up_on() {
        fuzz(FuzzRequests::raw, false);
    }

    private static void fuzz(BiFunction<FuzzInput, Session, String> requests, boolean http) {
        Fuzz.run(CLIENTS, INPUTS / 10, input -> attempt(input, requests, http)); // so that what is kept once is there
        FuzzFootprint before = FuzzFootprint.of(service);

        Fuzz.run(CLIENTS, INPUTS, input -> attempt(input, requests, http));

        FuzzFootprint after = FuzzFootprint.of(service);
        System.out.printf("before %s, after %s%n", before, after);
        assertThat(after).matches(footprint -> footprint.hardlyMoreThan(before, INPUTS), "hardly more than " + before);
        assertThat(service.output().lines().filter(line -> line.contains("LEAK:") || line.contains("exceptionType")))
                .isEmpty();
    }

    private static void attempt(FuzzInput input, BiFunction<FuzzInput, Session, String> requests, boolean http) {
        if (session == null || input.number() % INPUTS_OF_A_SESSION == 0) {
            session = service.api().newSession();
        }
        Session mine = session;
        String request = requests.apply(input, mine);
        try {
            if (http) {
                FuzzAnswer answer =
                        FuzzAnswer.of(RawHttp.whole(service.port(), request)).orElseThrow();
                assertThat(answer.headers()).containsKey("x-request-id");
                assertAgreed(request, answer);
                if (answer.status() < 400 && request.contains("Authorization: ")) {
                    assertThat(request).contains(signed(mine.accessToken()));
                }
            } else {
                FuzzAnswer.of(RawHttp.anything(service.port(), request))
                        .ifPresent(answer -> assertAgreed(request, answer));
            }
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(printable(request), e);
        }
    }

    /** The part of an access token that its signature is over. */
    private static String signed(String accessToken) {
        return accessToken.substring(0, accessToken.lastIndexOf('.') + 1);
    }

    /** What has no request id was refused by the server before it reached anything of ours. */
    private static void assertAgreed(String request, FuzzAnswer answer) {
        if (answer.status() < 400) {
            return;
        }
        if (!answer.headers().containsKey("x-request-id")) {
            // 501 is for another version of HTTP
            assertThat(answer.status()).as(answer.toString()).isIn(400, 404, 405, 413, 414, 417, 431, 501);
            assertThat(answer.body()).isEmpty();
            return;
        }
        if (answer.body().isEmpty() && (answer.status() == 403 || request.startsWith("HEAD "))) {
            return; // a foreign origin's page could not read why
        }
        assertThat(answer.header("content-type")).as(answer.toString()).isEqualTo("application/problem+json");
        JsonObject json = answer.json();
        Problem problem = Problem.valueOf(json.getString("code").toUpperCase(Locale.ROOT));
        assertThat(answer.status()).isEqualTo(problem.status()).isEqualTo(json.getInteger("status"));
        assertThat(problem == Problem.OVERLOADED || problem.status() < 500)
                .as(answer.toString())
                .isTrue();
        assertThat(json.getString("request_id")).isEqualTo(answer.header("x-request-id"));
        assertThat(answer.body()).doesNotContain("Exception", "dev.latchkey");
    }

    /** With everything that is not to be seen escaped, as in a Java string. */
    private static String printable(String request) {
        StringBuilder printable = new StringBuilder();
        for (char c : request.toCharArray()) {
            printable.append(c >= ' ' && c <= '~' && c != '\\' ? String.valueOf(c) : "\\u%04x".formatted((int) c));
        }
        return printable.toString();
    }
}
