package dev.latchkey.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.RawHttp;
import io.vertx.core.json.JsonObject;
import java.net.http.HttpRequest;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the operator opens or closes: foreign origins, proxies, registration. */
class CorsIT {

    private static final String ORIGIN = "https://app.example.org";
    private static final String FOREIGN = "https://evil.example.org";
    private static final String FORWARDED = "203.0.113.7";
    private static final List<String> OWN = List.of("127.0.0.1", "::1");

    private static Postgres postgres;
    private static OneDatabase database;
    private static Packaged open;
    private static Packaged closed;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        database = postgres.database();
        List<Packaged> both = Packaged.startAll(List.of(
                database.settings(
                        "CORS_ORIGINS", ORIGIN + ",http://localhost:5173", "TRUSTED_PROXIES", "127.0.0.1,::1"),
                database.settings("REGISTRATION_ENABLED", "false")));
        open = both.get(0);
        closed = both.get(1);
    }

    @AfterAll
    static void stop() {
        closed.close();
        open.close();
        postgres.close();
    }

    @Test
    void a_preflight_of_an_allowed_origin_is_answered_with_what_it_may_send() {
        Answer preflight = preflight(open, ORIGIN);

        assertThat(preflight.status()).isEqualTo(200);
        assertThat(preflight.header("Access-Control-Allow-Origin")).isEqualTo(ORIGIN);
        assertThat(preflight.header("Access-Control-Allow-Methods")).contains("POST");
        assertThat(preflight.header("Access-Control-Allow-Headers")).contains("content-type", "authorization");
        assertThat(preflight.header("Access-Control-Max-Age")).isEqualTo("600");
        assertThat(preflight(open, "http://localhost:5173").header("Access-Control-Allow-Origin"))
                .isEqualTo("http://localhost:5173");
    }

    @Test
    void an_allowed_origin_may_read_answers_and_errors() {
        Answer refused = postFrom(open, ORIGIN);

        assertThat(refused.code()).isEqualTo("token_invalid");
        assertThat(refused.header("Access-Control-Allow-Origin")).isEqualTo(ORIGIN);
        assertThat(refused.header("Access-Control-Expose-Headers").toLowerCase(Locale.ROOT))
                .contains("x-request-id", "retry-after", "www-authenticate");
    }

    @Test
    void a_foreign_origin_is_refused() {
        assertThat(preflight(open, FOREIGN).header("Access-Control-Allow-Origin"))
                .isEmpty();
        Answer posted = postFrom(open, FOREIGN);
        assertThat(posted.status()).isEqualTo(403);
        assertThat(posted.header("Access-Control-Allow-Origin")).isEmpty();
    }

    @Test
    void without_origins_there_are_no_headers_and_a_page_of_the_same_origin_may_post() {
        Answer preflight = preflight(closed, ORIGIN);
        assertThat(preflight.header("Access-Control-Allow-Origin")).isEmpty();

        Answer posted = postFrom(closed, ORIGIN);
        assertThat(posted.code()).isEqualTo("token_invalid");
        assertThat(posted.header("Access-Control-Allow-Origin")).isEmpty();
    }

    @Test
    void the_address_that_a_trusted_proxy_forwards_is_recorded() {
        Api.User user = open.api().newUser();

        assertThat(logInThrough(open, user, FORWARDED)).isEqualTo(FORWARDED);
        assertThat(logInThrough(open, user, FORWARDED + ":4711")).isEqualTo(FORWARDED);
        assertThat(logInThrough(open, user, FORWARDED + ", 127.0.0.1")).isEqualTo(FORWARDED);
        assertThat(logInThrough(open, user, "[2001:db8::7]:4711")).isEqualTo("2001:db8::7");
        assertThat(logInThrough(closed, user, FORWARDED)).isIn(OWN);
    }

    @Test
    void what_a_client_wrote_before_a_proxy_added_to_it_is_not_believed() {
        assertThat(logInThrough(open, open.api().newUser(), "198.51.100.1, " + FORWARDED))
                .isEqualTo(FORWARDED);
    }

    @Test
    void what_is_no_address_is_not_recorded() {
        Api.User user = open.api().newUser();

        for (String forwarded :
                List.of("", ",", ":1", "unknown", "[]", "203.0.113.7:", "203.0.113.700", FORWARDED + ",x")) {
            assertThat(logInThrough(open, user, forwarded)).as(forwarded).isIn(OWN);
        }
    }

    @Test
    void an_origin_is_refused_that_can_not_be_compared_with_the_host() {
        for (String host : List.of("a_b", "a,b", "%41", "[x]", "")) {
            assertThat(refreshOf("http://evil.example.org", host)).as(host).startsWith("HTTP/1.1 403 ");
        }
        for (String origin : List.of("http://a_b", "http://a|b", "http://", "http:", "null", "")) {
            assertThat(refreshOf(origin, "localhost")).as(origin).startsWith("HTTP/1.1 403 ");
        }
        assertThat(refreshOf(ORIGIN, "a_b")).startsWith("HTTP/1.1 400 ").contains("invalid_request");
        assertThat(open.output()).doesNotContain("HTTP Request to ");
    }

    @Test
    void registration_can_be_disabled() {
        Answer refused = closed.api().register("ada@example.org", Api.PASSWORD);

        assertThat(refused.status()).isEqualTo(403);
        assertThat(refused.code()).isEqualTo("registration_disabled");
    }

    /** The answer to a page's call without a body. */
    private static String refreshOf(String origin, String host) {
        return RawHttp.whole(
                open.port(),
                "POST /api/auth/refresh HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
                        .formatted(host, origin));
    }

    /** Returns the address in the audit row. */
    private static String logInThrough(Packaged service, Api.User user, String forwarded) {
        Answer answer = service.api()
                .post(
                        "/api/auth/login",
                        new JsonObject().put("email", user.email()).put("password", Api.PASSWORD),
                        "X-Forwarded-For",
                        forwarded);
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        return (String) database.value(
                "SELECT ip FROM audit_logs WHERE event_type = 'LOGIN_SUCCEEDED' AND session_id = ?::uuid",
                answer.json().getString("session_id"));
    }

    private static Answer preflight(Packaged service, String origin) {
        return service.api()
                .send(service.api()
                        .request("/api/auth/refresh")
                        .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
                        .header("Origin", origin)
                        .header("Access-Control-Request-Method", "POST")
                        .header("Access-Control-Request-Headers", "content-type"));
    }

    private static Answer postFrom(Packaged service, String origin) {
        return service.api()
                .post("/api/auth/refresh", new JsonObject().put("refresh_token", "lk_nothing"), "Origin", origin);
    }
}
