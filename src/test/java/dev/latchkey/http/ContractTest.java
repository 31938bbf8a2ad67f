package dev.latchkey.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What clients rely on: DESIGN's section "HTTP", line by line. */
@QuarkusTest
class ContractTest {

    private static final String REGISTER = "/api/auth/register";
    private static final String LOGIN = "/api/auth/login";
    private static final String REFRESH = "/api/auth/refresh";
    private static final String LOGOUT = "/api/auth/logout";
    private static final String LOGOUT_ALL = "/api/auth/logout-all";
    private static final String ME = "/api/auth/me";
    private static final List<String> POSTS = List.of(REGISTER, LOGIN, REFRESH, LOGOUT);

    private static final String UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    private static final int LONGEST_BODY = 8192;

    private final Api api = Api.underTest();

    @Test
    void registration_answers_201_with_id_and_email() {
        String email = newEmail();

        Answer answer = api.register(email, Api.PASSWORD);

        assertThat(answer.status()).isEqualTo(201);
        assertJson(answer);
        assertThat(answer.json().fieldNames()).containsExactlyInAnyOrder("id", "email");
        assertThat(answer.json().getString("id")).matches(UUID_PATTERN);
        assertThat(answer.json().getString("email")).isEqualTo(email);
    }

    @Test
    void registration_of_a_taken_email_answers_409_whatever_its_case() {
        Api.User user = api.newUser();

        assertProblem(api.register(user.email(), Api.PASSWORD), 409, "email_taken");
        assertProblem(api.register(user.email().toUpperCase(), Api.PASSWORD), 409, "email_taken");
    }

    @Test
    void registration_with_wrong_fields_answers_400_naming_each() {
        Answer answer = api.register("nobody", "short");

        assertProblem(answer, 400, "invalid_request");
        assertThat(violations(answer)).containsExactly("email", "password");
        JsonArray violations = answer.json().getJsonArray("violations");
        assertThat(violations.getJsonObject(0).fieldNames()).containsExactlyInAnyOrder("field", "message");
        assertThat(answer.body()).doesNotContain("short");
    }

    @Test
    void login_answers_the_token_response() {
        Api.User user = api.newUser();

        assertTokenResponse(api.login(user.email(), Api.PASSWORD));
    }

    @Test
    void login_answers_401_invalid_credentials_with_a_plain_challenge() {
        Answer answer = api.login(api.newUser().email(), "a wrong password");

        assertProblem(answer, 401, "invalid_credentials");
        assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer");
    }

    @Test
    void login_with_missing_fields_answers_400_naming_each() {
        Answer answer = api.post(LOGIN, new JsonObject());

        assertProblem(answer, 400, "invalid_request");
        assertThat(violations(answer)).containsExactly("email", "password");
    }

    @Test
    void refresh_answers_the_token_response_of_the_same_session() {
        Api.Session session = api.newSession();

        Answer answer = api.refresh(session.refreshToken());

        assertTokenResponse(answer);
        assertThat(answer.json().getString("session_id")).isEqualTo(session.id().toString());
        assertThat(answer.refreshToken()).isNotEqualTo(session.refreshToken());
    }

    @Test
    void refresh_answers_401_with_a_challenge_that_says_that_the_token_is_invalid() {
        Answer answer = api.refresh("lk_nonsense");

        assertProblem(answer, 401, "token_invalid");
        assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer error=\"invalid_token\"");
    }

    @Test
    void refresh_after_logout_answers_401_token_revoked() {
        Api.Session session = api.newSession();
        api.logout(session.refreshToken());

        Answer answer = api.refresh(session.refreshToken());

        assertProblem(answer, 401, "token_revoked");
        assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer error=\"invalid_token\"");
    }

    @Test
    void refresh_without_the_token_answers_400_naming_it_as_it_is_spelled_on_the_wire() {
        Answer answer = api.post(REFRESH, new JsonObject());

        assertProblem(answer, 400, "invalid_request");
        assertThat(violations(answer)).containsExactly("refresh_token");
    }

    @Test
    void logout_answers_204_for_live_old_ended_and_meaningless_tokens() {
        Api.Session session = api.newSession();
        String next = api.refresh(session.refreshToken()).refreshToken();

        for (String token : List.of(session.refreshToken(), next, next, "", "x", "lk_" + "A".repeat(92))) {
            Answer answer = api.logout(token);
            assertThat(answer.status()).as(token).isEqualTo(204);
            assertThat(answer.body()).isEmpty();
        }
        assertProblem(api.refresh(next), 401, "token_revoked");
    }

    @Test
    void logout_answers_400_without_the_string() {
        assertProblem(api.post(LOGOUT, new JsonObject()), 400, "invalid_request");
        assertProblem(api.post(LOGOUT, new JsonObject().putNull("refresh_token")), 400, "invalid_request");
        assertProblem(api.post(LOGOUT, new JsonObject().put("refresh_token", 1)), 400, "invalid_request");
        assertProblem(send(LOGOUT, "application/json", BodyPublishers.ofString("x")), 400, "invalid_request");
    }

    @Test
    void logout_all_answers_204_and_ends_every_session_of_the_user() {
        Api.User user = api.newUser();
        Api.Session one = api.logIn(user);
        Api.Session other = api.logIn(user);

        Answer answer = api.logoutAll(one.accessToken());

        assertThat(answer.status()).isEqualTo(204);
        assertThat(answer.body()).isEmpty();
        assertProblem(api.refresh(one.refreshToken()), 401, "token_revoked");
        assertProblem(api.refresh(other.refreshToken()), 401, "token_revoked");
    }

    @Test
    void me_answers_id_email_and_roles() {
        Api.User user = api.newUser();
        Api.Session session = api.logIn(user);

        Answer answer = api.me(session.accessToken());

        assertThat(answer.status()).isEqualTo(200);
        assertJson(answer);
        assertThat(answer.json())
                .isEqualTo(new JsonObject()
                        .put("id", user.id().toString())
                        .put("email", user.email())
                        .put("roles", new JsonArray().add("user")));
    }

    @Test
    void bearer_calls_without_a_token_answer_401_with_a_plain_challenge() {
        for (HttpRequest.Builder request : List.of(api.request(ME), empty(LOGOUT_ALL))) {
            for (String authorization : new String[] {null, "Bearer", "Bearer ", "Basic YTpi", "Digest x", "x"}) {
                HttpRequest.Builder copy = request.copy();
                if (authorization != null) {
                    copy.header("Authorization", authorization);
                }
                Answer answer = api.send(copy);
                assertProblem(answer, 401, "access_token_missing");
                assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer");
            }
        }
    }

    @Test
    void bearer_calls_with_a_broken_token_answer_401_with_a_challenge_that_says_so() {
        for (Answer answer : List.of(api.me("x"), api.me("a.b.c"), api.logoutAll("x"))) {
            assertProblem(answer, 401, "access_token_invalid");
            assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer error=\"invalid_token\"");
        }
    }

    @Test
    void bearer_calls_of_an_ended_session_answer_401_session_ended() {
        Api.Session session = api.newSession();
        api.logout(session.refreshToken());

        for (Answer answer : List.of(api.me(session.accessToken()), api.logoutAll(session.accessToken()))) {
            assertProblem(answer, 401, "session_ended");
            assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer error=\"invalid_token\"");
        }
    }

    @Test
    void an_authorization_header_changes_nothing_where_none_is_needed() {
        Api.Session ended = api.newSession();
        api.logout(ended.refreshToken());
        String stranger = api.newSession().accessToken();
        String expired = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for (String authorization : List.of(
                "Bearer " + ended.accessToken(),
                "Bearer " + stranger,
                "Bearer " + expired,
                "Bearer x",
                "Bearer",
                "Bearer a b",
                "Basic " + Base64.getEncoder().encodeToString("a:b".getBytes(StandardCharsets.US_ASCII)),
                "Basic !",
                "Negotiate",
                "x".repeat(4000))) {
            JsonObject account = new JsonObject().put("email", newEmail()).put("password", Api.PASSWORD);
            String[] header = {"Authorization", authorization};

            assertThat(api.post(REGISTER, account, header).status())
                    .as(authorization)
                    .isEqualTo(201);
            Answer login = api.post(LOGIN, account, header);
            assertTokenResponse(login);
            Answer refreshed = api.post(REFRESH, token(login.refreshToken()), header);
            assertTokenResponse(refreshed);
            assertThat(api.post(LOGOUT, token(refreshed.refreshToken()), header).status())
                    .isEqualTo(204);
            assertProblem(api.post(REFRESH, token(refreshed.refreshToken()), header), 401, "token_revoked");
        }
    }

    @Test
    void a_request_id_is_taken_over() {
        for (String id :
                List.of("a", "A-Za-z0-9._-", "x".repeat(64), UUID.randomUUID().toString(), "..")) {
            Answer problem = api.post(REFRESH, token("x"), "X-Request-Id", id);
            assertProblem(problem, 401, "token_invalid");
            assertThat(problem.header("X-Request-Id")).isEqualTo(id);
        }
    }

    @Test
    void a_request_id_of_another_shape_is_replaced() {
        for (String id : List.of(
                "",
                "x".repeat(65),
                "a b",
                "a\tb",
                "a,b",
                "<script>",
                "${jndi:ldap://x}",
                "a/b",
                "a%0d%0ab",
                "é",
                "\"")) {
            Answer problem = api.post(REFRESH, token("x"), "X-Request-Id", id);
            assertProblem(problem, 401, "token_invalid");
            assertThat(problem.header("X-Request-Id")).matches(UUID_PATTERN);
        }
    }

    @Test
    void two_requests_have_two_request_ids() {
        String one = api.refresh("x").header("X-Request-Id");
        String other = api.refresh("x").header("X-Request-Id");

        assertThat(one).matches(UUID_PATTERN).isNotEqualTo(other);
    }

    @Test
    void an_answer_without_a_problem_has_its_request_id_too() {
        assertThat(api.logout("x").header("X-Request-Id")).matches(UUID_PATTERN);
        assertThat(api.me(api.newSession().accessToken()).header("X-Request-Id"))
                .matches(UUID_PATTERN);
    }

    @Test
    void an_answer_without_a_problem_may_not_be_kept_sniffed_or_framed_either() {
        String accessToken = api.newSession().accessToken();
        HttpRequest.Builder me = api.request(ME).header("Authorization", "Bearer " + accessToken);
        List<Answer> answers = List.of(
                api.register(newEmail(), Api.PASSWORD),
                api.logout("x"),
                api.send(me),
                api.send(me.copy().method("HEAD", BodyPublishers.noBody())),
                api.send(me.copy().method("OPTIONS", BodyPublishers.noBody())),
                api.logoutAll(accessToken));

        assertThat(answers).allMatch(answer -> answer.status() < 300).allSatisfy(ContractTest::assertHeaders);
    }

    @Test
    void an_unknown_path_answers_404() {
        for (String path :
                List.of("/", "/api", "/api/auth", "/api/auth/nothing", "/api/auth/me/more", "/favicon.ico")) {
            assertProblem(api.send(api.request(path)), 404, "not_found");
            assertProblem(api.post(path, new JsonObject()), 404, "not_found");
        }
    }

    @Test
    void a_wrong_method_answers_405_with_those_that_are_allowed() {
        for (String path : List.of(REGISTER, LOGIN, REFRESH, LOGOUT, LOGOUT_ALL)) {
            Answer answer = api.send(api.request(path));
            assertProblem(answer, 405, "method_not_allowed");
            assertThat(answer.header("Allow")).as(path).isEqualTo("POST");
        }
        for (String method : List.of("POST", "PUT", "DELETE", "PATCH")) {
            Answer answer = api.send(api.request(ME).method(method, BodyPublishers.noBody()));
            assertProblem(answer, 405, "method_not_allowed");
            assertThat(answer.header("Allow")).isEqualTo("GET, HEAD");
        }
    }

    @Test
    void an_answer_in_another_type_is_refused_with_406() {
        String accessToken = api.newSession().accessToken();
        for (String accept : List.of("text/html", "application/xml", "nonsense")) {
            assertProblem(api.post(REFRESH, token("x"), "Accept", accept), 406, "not_acceptable");
            assertProblem(
                    api.send(api.request(ME).header("Accept", accept).header("Authorization", "Bearer " + accessToken)),
                    406,
                    "not_acceptable");
        }
        for (String accept : List.of("*/*", "application/*", "application/json", "text/html, */*;q=0.1")) {
            assertProblem(api.post(REFRESH, token("x"), "Accept", accept), 401, "token_invalid");
        }
    }

    @Test
    void another_content_type_is_refused_with_415() {
        BodyPublisher body = BodyPublishers.ofString(token("x").encode());
        for (String path : POSTS) {
            for (String type : List.of(
                    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "x")) {
                assertProblem(send(path, type, body), 415, "unsupported_media_type");
            }
        }
        assertProblem(send(REFRESH, "application/json; charset=utf-8", body), 401, "token_invalid");
    }

    @Test
    void a_body_without_a_content_type_is_refused_with_415() {
        byte[] body = token("x").encode().getBytes(StandardCharsets.UTF_8);
        for (String path : POSTS) {
            assertProblem(
                    api.send(api.request(path).POST(BodyPublishers.ofByteArray(body))), 415, "unsupported_media_type");
            assertProblem(
                    api.send(api.request(path)
                            .version(HttpClient.Version.HTTP_1_1)
                            .POST(chunked(body))),
                    415,
                    "unsupported_media_type");
        }
    }

    @Test
    void a_body_over_8_kib_is_refused_with_413_whether_or_not_its_length_was_said() {
        byte[] longest = body(LONGEST_BODY);
        byte[] tooLong = body(LONGEST_BODY + 1);
        for (HttpClient.Version version : HttpClient.Version.values()) {
            for (String path : POSTS) {
                for (BodyPublisher body : List.of(BodyPublishers.ofByteArray(tooLong), chunked(tooLong))) {
                    assertProblem(send(version, path, body), 413, "payload_too_large");
                }
            }
            for (BodyPublisher body : List.of(BodyPublishers.ofByteArray(longest), chunked(longest))) {
                assertProblem(send(version, REFRESH, body), 401, "token_invalid");
                assertThat(send(version, LOGOUT, body).status()).isEqualTo(204);
            }
        }
    }

    @Test
    void a_chunked_body_is_as_good_as_any() {
        byte[] body = token(api.newSession().refreshToken()).encode().getBytes(StandardCharsets.UTF_8);

        for (HttpClient.Version version : HttpClient.Version.values()) {
            assertTokenResponse(send(version, REFRESH, chunked(body)));
        }
    }

    @Test
    void names_that_are_not_known_are_ignored() {
        JsonObject body = token(api.newSession().refreshToken()).put("grant_type", "refresh_token");

        assertTokenResponse(api.post(REFRESH, body));
    }

    @Test
    void operations_are_on_the_management_port_alone() {
        for (String path :
                List.of("/q/openapi", "/q/health/started", "/q/health/live", "/q/health/ready", "/q/metrics")) {
            Answer there = Management.api().send(Management.api().request(path));
            assertThat(there.status()).as(path).isEqualTo(200);
            assertThat(there.header("X-Content-Type-Options")).isEqualTo("nosniff");
            assertThat(there.header("Cache-Control")).isEqualTo("no-store");
            assertThat(there.header("Server")).isEmpty();
            assertProblem(api.send(api.request(path)), 404, "not_found");
        }
        for (String path : List.of("/q", "/q/health", "/q/dev-ui", "/q/arc", "/q/swagger-ui")) {
            assertThat(api.send(api.request(path)).status()).as(path).isEqualTo(404);
        }
        assertThat(Management.api().send(Management.api().request(ME)).status()).isEqualTo(404);
    }

    @Test
    void open_api_names_every_path_with_examples_and_the_problem() {
        Answer answer = Management.api()
                .send(Management.api().request("/q/openapi?format=json").header("Accept", "application/json"));

        JsonObject paths = answer.json().getJsonObject("paths");
        JsonObject schemas = answer.json().getJsonObject("components").getJsonObject("schemas");
        assertThat(paths.fieldNames()).contains(REGISTER, LOGIN, REFRESH, LOGOUT, LOGOUT_ALL, ME);
        for (String path : paths.fieldNames()) {
            for (String method : paths.getJsonObject(path).fieldNames()) {
                JsonObject operation = paths.getJsonObject(path).getJsonObject(method);
                assertThat(operation.getString("summary")).as(path).isNotBlank();
                assertThat(operation.getJsonObject("responses").fieldNames())
                        .as(path)
                        .anyMatch(status -> status.startsWith("2"))
                        .anyMatch(status -> status.startsWith("4"));
                assertThat(operation.encode())
                        .as(path)
                        .contains("application/problem+json", "#/components/schemas/Problem");
            }
        }
        for (String schema : List.of("RegisterRequest", "LoginRequest", "RefreshRequest", "TokenResponse", "Problem")) {
            assertThat(schemas.getJsonObject(schema).encode()).as(schema).contains("\"examples\"");
        }
        assertThat(schemas.getJsonObject("Problem").getJsonObject("properties").fieldNames())
                .containsExactlyInAnyOrder(
                        "type", "title", "status", "detail", "code", "request_id", "trace_id", "violations");
        assertThat(schemas.getJsonObject("TokenResponse")
                        .getJsonObject("properties")
                        .fieldNames())
                .containsExactlyInAnyOrder(
                        "access_token",
                        "token_type",
                        "expires_in",
                        "refresh_token",
                        "refresh_expires_in",
                        "session_id");
    }

    private static void assertTokenResponse(Answer answer) {
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        assertJson(answer);
        assertHeaders(answer);
        JsonObject json = answer.json();
        assertThat(json.fieldNames())
                .containsExactlyInAnyOrder(
                        "access_token",
                        "token_type",
                        "expires_in",
                        "refresh_token",
                        "refresh_expires_in",
                        "session_id");
        assertThat(json.getString("token_type")).isEqualTo("Bearer");
        assertThat(json.getValue("expires_in")).isEqualTo(15 * 60);
        assertThat(json.getInteger("refresh_expires_in")).isCloseTo(30 * 24 * 60 * 60, within(1));
        assertThat(json.getString("access_token")).matches("[\\w-]+\\.[\\w-]+\\.[\\w-]+");
        assertThat(json.getString("refresh_token")).matches("lk_[\\w-]{92}");
        assertThat(json.getString("session_id")).matches(UUID_PATTERN);
        assertThat(Db.count("SELECT count(*) FROM login_sessions WHERE id = ?::uuid", json.getString("session_id")))
                .isEqualTo(1);
    }

    private static void assertJson(Answer answer) {
        assertThat(answer.header("Content-Type")).matches("application/json(;\\s*charset=UTF-8)?");
    }

    static void assertProblem(Answer answer, int status, String code) {
        assertThat(answer.status()).as(answer.body()).isEqualTo(status);
        assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
        assertHeaders(answer);
        JsonObject json = answer.json();
        assertThat(json.fieldNames())
                .contains("type", "title", "status", "detail", "code", "request_id")
                .isSubsetOf(Set.of("type", "title", "status", "detail", "code", "request_id", "violations"));
        assertThat(json.getString("code")).isEqualTo(code);
        assertThat(json.getString("type")).isEqualTo("urn:latchkey:problem:" + code);
        assertThat(json.getInteger("status")).isEqualTo(status);
        assertThat(json.getString("title")).isNotBlank();
        assertThat(json.getString("detail")).isNotBlank();
        assertThat(json.getString("request_id")).isNotBlank().isEqualTo(answer.header("X-Request-Id"));
        if (status == 401) {
            assertThat(answer.header("WWW-Authenticate")).startsWith("Bearer");
        }
    }

    /** What every answer has, whatever it answers. */
    private static void assertHeaders(Answer answer) {
        HttpHeaders headers = answer.response().headers();
        assertThat(headers.allValues("Cache-Control")).containsExactly("no-store");
        assertThat(headers.allValues("Content-Security-Policy"))
                .containsExactly("default-src 'none'; frame-ancestors 'none'");
        assertThat(headers.allValues("Referrer-Policy")).containsExactly("no-referrer");
        assertThat(headers.allValues("X-Content-Type-Options")).containsExactly("nosniff");
        assertThat(headers.map()).doesNotContainKeys("server", "x-powered-by", "set-cookie");
    }

    private static List<String> violations(Answer answer) {
        return answer.json().getJsonArray("violations").stream()
                .map(violation -> ((JsonObject) violation).getString("field"))
                .toList();
    }

    private Answer send(String path, String contentType, BodyPublisher body) {
        return api.send(api.request(path).header("Content-Type", contentType).POST(body));
    }

    private Answer send(HttpClient.Version version, String path, BodyPublisher body) {
        return api.send(api.request(path)
                .version(version)
                .header("Content-Type", "application/json")
                .POST(body));
    }

    private HttpRequest.Builder empty(String path) {
        return api.request(path).POST(BodyPublishers.noBody());
    }

    /** Sent without a length. */
    private static BodyPublisher chunked(byte[] body) {
        return BodyPublishers.fromPublisher(BodyPublishers.ofByteArray(body));
    }

    /** A token of the given length in bytes, braces and all. */
    private static byte[] body(int length) {
        String around = token("").encode();
        return token("x".repeat(length - around.length())).encode().getBytes(StandardCharsets.UTF_8);
    }

    private static JsonObject token(String refreshToken) {
        return new JsonObject().put("refresh_token", refreshToken);
    }

    private static String newEmail() {
        return "user-" + UUID.randomUUID() + "@example.org";
    }
}
