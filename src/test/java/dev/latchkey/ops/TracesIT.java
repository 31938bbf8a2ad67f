package dev.latchkey.ops;

import static dev.latchkey.testing.Management.metric;
import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Collector;
import dev.latchkey.testing.Collector.Span;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Settings;
import dev.latchkey.testing.Waiting;
import io.vertx.core.json.JsonObject;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Traces, with a collector: whole, each request its own, and without anything that is secret. */
@Tag("slow")
class TracesIT {

    private static final int CLIENTS = 16;
    private static final int ROUNDS = 10;
    private static final String REFRESH = "POST /api/auth/refresh";
    private static final String PARENT_SPAN = "00f067aa0ba902b7";

    private static Postgres postgres;
    private static OneDatabase database;
    private static Collector collector;
    private static Packaged packaged;
    private static Api api;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        database = postgres.newDatabase();
        collector = Collector.start();
        packaged = Packaged.start(traced(collector.endpoint()));
        api = packaged.api();
    }

    @AfterAll
    static void stop() {
        packaged.close();
        collector.close();
        postgres.close();
    }

    private static Map<String, String> traced(String endpoint) {
        return database.settings(
                "OTEL_ENDPOINT", endpoint, "QUARKUS_OTEL_BSP_SCHEDULE_DELAY", "100ms", "RETRY_WINDOW", "1s");
    }

    @Test
    void each_of_many_refreshes_at_once_has_a_trace_of_its_own_with_its_rotation() {
        double groups = metric(packaged.management(), "latchkey_rotation_group_size_count");
        List<String> traces = new ArrayList<>();
        try (Race race = new Race()) {
            List<Callable<List<String>>> runners = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                AtomicReference<String> token =
                        new AtomicReference<>(api.newSession().refreshToken());
                runners.add(() -> {
                    List<String> mine = new ArrayList<>();
                    for (int round = 0; round < ROUNDS; round++) {
                        String trace = newTrace();
                        token.set(refresh(token.get(), trace).refreshToken());
                        mine.add(trace);
                    }
                    return mine;
                });
            }
            race.run(runners).forEach(traces::addAll);
        }

        assertThat(metric(packaged.management(), "latchkey_rotation_group_size_count") - groups)
                .as("some shared a statement")
                .isLessThan(CLIENTS * ROUNDS);
        for (String trace : traces) {
            List<Span> spans = spans(trace, 2);
            assertThat(spans).extracting(Span::name).containsExactlyInAnyOrder(REFRESH, "rotation");
            Span request = spans.get(0).name().equals(REFRESH) ? spans.get(0) : spans.get(1);
            Span rotation = spans.get(0).name().equals(REFRESH) ? spans.get(1) : spans.get(0);
            assertThat(request.parent()).isEqualTo(PARENT_SPAN);
            assertThat(rotation.parent()).isEqualTo(request.id());
        }
    }

    @Test
    void a_request_without_a_trace_begins_one_and_the_service_says_who_it_is() {
        Api.User user = api.newUser();
        api.logIn(user);

        Waiting.until(() -> names().contains("POST /api/auth/login"));
        assertThat(names()).contains("POST /api/auth/register", "password");
        assertThat(collector.resource())
                .contains("service.name=latchkey")
                .anyMatch(attribute -> attribute.matches("service\\.version=\\d.*"))
                .anyMatch(attribute -> attribute.matches("host\\.name=.+"));
    }

    @Test
    void a_parent_that_is_not_sampled_leaves_no_span_and_probes_and_scrapes_neither() {
        String untraced = newTrace();
        api.post(
                "/api/auth/refresh",
                new JsonObject().put("refresh_token", "x"),
                "traceparent",
                "00-" + untraced + "-" + PARENT_SPAN + "-00");
        packaged.management().send(packaged.management().request("/q/health/ready"));
        metric(packaged.management(), "latchkey_ready ");
        String traced = newTrace();
        refresh("x", traced);

        spans(traced, 1);
        assertThat(collector.spans()).extracting(Span::trace).doesNotContain(untraced);
        assertThat(names()).noneMatch(name -> name.contains("/q/") || name.contains("cleanup"));
    }

    @Test
    void problems_and_logs_name_the_trace() throws InterruptedException {
        Api.Session session = api.newSession();
        refresh(session.refreshToken(), newTrace());
        Thread.sleep(1500); // past the retry window
        String trace = newTrace();

        Answer refused = refresh(session.refreshToken(), trace);

        assertThat(refused.code()).isEqualTo("token_reused");
        assertThat(refused.json().getString("trace_id")).isEqualTo(trace);
        assertThat(packaged.output().lines())
                .filteredOn(line -> line.contains("Refresh token reuse: session " + session.id()))
                .singleElement()
                .satisfies(line -> {
                    JsonObject mdc = new JsonObject(line).getJsonObject("mdc");
                    assertThat(mdc.getString("traceId")).isEqualTo(trace);
                    assertThat(mdc.getString("request_id"))
                            .isEqualTo(refused.json().getString("request_id"));
                });
    }

    /** Also when a client puts them where they don't belong. */
    @Test
    void no_token_password_or_address_is_in_any_span() {
        Api.User user = api.newUser();
        Api.Session session = api.logIn(user);
        String live = api.refresh(session.refreshToken()).refreshToken();
        api.login(user.email(), "not the password");
        api.me(session.accessToken());
        api.me("broken." + session.accessToken());
        for (String secret : List.of(live, session.accessToken(), Api.PASSWORD, user.email())) {
            String encoded = secret.replace(' ', '+').replace("@", "%40");
            api.send(api.request("/api/auth/refresh?refresh_token=" + encoded));
            api.send(api.request("/" + encoded));
            api.send(api.request("/api/auth/me/" + encoded).header("User-Agent", secret));
            api.send(api.request("/api/auth/me").header("Authorization", secret));
            api.send(api.request("/api/auth/me")
                    .header("X-Forwarded-For", secret)
                    .header("Forwarded", "for=" + secret));
            for (String body :
                    List.of(secret, "{\"" + secret + "\": 1}", "{\"refresh_token\": [\"" + secret + "\"]}")) {
                api.send(api.request("/api/auth/refresh")
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body)));
            }
            api.send(api.request("/api/auth/refresh")
                    .header("Content-Type", "application/json; x=\"" + secret + "\"")
                    .method(secret.replaceAll("[^A-Za-z]", ""), HttpRequest.BodyPublishers.noBody()));
        }
        String last = newTrace();
        refresh("x", last);
        spans(last, 1);

        String everything = collector.everything();
        for (String secret : List.of(
                live.substring(3),
                live.substring(32, 70),
                live.replaceAll("[^A-Za-z]", "").substring(2, 40),
                session.accessToken().split("\\.")[1],
                session.accessToken().split("\\.")[2],
                Api.PASSWORD,
                Api.PASSWORD.replace(' ', '+'),
                Api.PASSWORD.replace(" ", ""),
                user.email(),
                user.email().split("@")[0])) {
            int found = everything.indexOf(secret);
            assertThat(found < 0 ? "" : everything.substring(Math.max(0, found - 200), found))
                    .as(secret)
                    .isEmpty();
        }
    }

    @Test
    void a_collector_that_is_away_holds_nobody_up() {
        try (Packaged alone = Packaged.start(traced("http://localhost:" + Settings.freePort()))) {
            Api.Session session = alone.api().newSession();
            for (Answer answer : alone.api().refreshChain(session.refreshToken(), 20)) {
                assertThat(answer.status()).isEqualTo(200);
            }
            alone.terminate();
            assertThat(alone.waitFor(Duration.ofSeconds(10))).isIn(0, 143);
        }
    }

    private static Answer refresh(String token, String trace) {
        return api.post(
                "/api/auth/refresh",
                new JsonObject().put("refresh_token", token),
                "traceparent",
                "00-" + trace + "-" + PARENT_SPAN + "-01");
    }

    private static String newTrace() {
        return UUID.randomUUID().toString().replace("-", "");
    }

    /** The spans of a trace, as soon as there are so many. */
    private static List<Span> spans(String trace, int count) {
        Waiting.until(() -> ofTrace(trace).size() >= count);
        return ofTrace(trace);
    }

    private static List<Span> ofTrace(String trace) {
        return collector.spans().stream()
                .filter(span -> span.trace().equals(trace))
                .toList();
    }

    private static List<String> names() {
        return collector.spans().stream().map(Span::name).toList();
    }
}
