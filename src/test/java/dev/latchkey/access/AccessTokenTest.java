package dev.latchkey.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

@QuarkusTest
class AccessTokenTest {

    private static final int TTL = 15 * 60;

    private final Api api = Api.underTest();

    @Test
    void it_is_an_rfc_9068_token() {
        Api.Session session = api.newSession();

        JsonObject header = Answer.part(session.accessToken(), 0);
        JsonObject claims = Answer.part(session.accessToken(), 1);

        assertThat(header.getString("typ")).isEqualTo("at+jwt");
        assertThat(header.getString("alg")).isEqualTo("HS256");
        assertThat(header.getString("kid")).matches("[\\w-]{12}");
        assertThat(claims.fieldNames())
                .containsExactlyInAnyOrder("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "roles");
        assertThat(claims.getString("iss")).isEqualTo("http://localhost:8080");
        assertThat(claims.getString("aud")).isEqualTo("latchkey");
        assertThat(claims.getString("sub")).isEqualTo(session.user().toString());
        assertThat(claims.getString("sid")).isEqualTo(session.id().toString());
        assertThat(claims.getString("client_id")).isEqualTo("default");
        assertThat(claims.getJsonArray("roles")).isEqualTo(new JsonArray().add("user"));
        assertThat(UUID.fromString(claims.getString("jti")).version()).isEqualTo(4);
    }

    @Test
    void its_times_are_the_databases_and_its_life_is_what_the_settings_say() {
        Api.Session session = api.newSession();
        Answer refreshed = api.refresh(session.refreshToken());

        JsonObject claims = Answer.part(refreshed.accessToken(), 1);

        assertThat(claims.getLong("exp") - claims.getLong("iat")).isEqualTo(TTL);
        assertThat(refreshed.json().getInteger("expires_in")).isEqualTo(TTL);
        assertThat(claims.getLong("iat"))
                .isEqualTo(Db.count(
                        "SELECT floor(extract(epoch FROM created_at))::bigint FROM refresh_tokens"
                                + " WHERE family_id = ? AND generation = 1",
                        session.id()));
    }

    @Test
    void each_refresh_brings_another_one() {
        Api.Session session = api.newSession();
        Answer one = api.refresh(session.refreshToken());
        Answer replay = api.refresh(session.refreshToken());

        assertThat(List.of(
                        Answer.part(session.accessToken(), 1).getString("jti"),
                        Answer.part(one.accessToken(), 1).getString("jti"),
                        Answer.part(replay.accessToken(), 1).getString("jti")))
                .doesNotHaveDuplicates();
    }

    @Test
    void roles_are_those_of_the_moment() {
        Api.Session session = api.newSession();
        Db.update("UPDATE users SET roles = '{user,admin}' WHERE id = ?", session.user());

        Answer refreshed = api.refresh(session.refreshToken());

        assertThat(Answer.part(refreshed.accessToken(), 1).getJsonArray("roles"))
                .isEqualTo(new JsonArray().add("user").add("admin"));
        Db.update("UPDATE users SET roles = '{}' WHERE id = ?", session.user());
        assertThat(Answer.part(api.refresh(refreshed.refreshToken()).accessToken(), 1)
                        .getJsonArray("roles"))
                .isEmpty();
    }

    @Test
    void neither_token_passes_the_sessions_absolute_expiry() {
        Api.Session session = api.newSession();
        Db.update("UPDATE login_sessions SET expires_at = now() + interval '100 seconds' WHERE id = ?", session.id());

        for (int i = 0; i < 2; i++) { // a rotation, and its replay
            Answer answer = api.refresh(session.refreshToken());

            JsonObject claims = Answer.part(answer.accessToken(), 1);
            long end = Db.count(
                    "SELECT floor(extract(epoch FROM expires_at))::bigint FROM login_sessions WHERE id = ?",
                    session.id());
            assertThat(claims.getLong("exp")).isEqualTo(end);
            assertThat(answer.json().getLong("expires_in")).isEqualTo(end - claims.getLong("iat"));
            assertThat(answer.json().getInteger("refresh_expires_in"))
                    .isCloseTo(99, within(5))
                    .isLessThanOrEqualTo(100);
        }
        assertThat(Db.count(
                        "SELECT count(*) FROM refresh_tokens t JOIN login_sessions s ON s.id = t.family_id"
                                + " WHERE s.id = ? AND t.generation = 1 AND t.expires_at = s.expires_at",
                        session.id()))
                .isEqualTo(1);
    }

    @Test
    void a_session_past_its_absolute_expiry_is_refused() {
        Api.Session session = api.newSession();
        Db.update("UPDATE login_sessions SET expires_at = now() - interval '1 second' WHERE id = ?", session.id());

        assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_expired");
        assertThat(api.me(session.accessToken()).code()).isEqualTo("session_ended");
    }

    @Test
    void a_changed_token_is_refused() {
        Api.Session session = api.newSession();
        String[] parts = session.accessToken().split("\\.");
        JsonObject header = Answer.part(session.accessToken(), 0);
        JsonObject claims = Answer.part(session.accessToken(), 1);

        for (String changed : List.of(
                text(header.copy().put("alg", "none")) + "." + parts[1] + ".",
                text(header.copy().put("alg", "none")) + "." + parts[1] + "." + parts[2],
                text(header.copy().put("alg", "HS512")) + "." + parts[1] + "." + parts[2],
                text(header.copy().put("alg", "RS256")) + "." + parts[1] + "." + parts[2],
                text(header.copy().put("kid", "another")) + "." + parts[1] + "." + parts[2],
                text(header.copy().put("typ", "JWT")) + "." + parts[1] + "." + parts[2],
                parts[0] + "." + text(claims.copy().put("sub", UUID.randomUUID().toString())) + "." + parts[2],
                parts[0] + "." + text(claims.copy().put("exp", claims.getLong("exp") + 1)) + "." + parts[2],
                parts[0] + "." + parts[1] + ".",
                parts[0] + "." + parts[1],
                parts[0] + "." + parts[1] + "." + new StringBuilder(parts[2]).reverse(),
                parts[0] + "." + parts[1] + "." + parts[2] + "." + parts[2])) {
            assertThat(api.me(changed).code()).as(changed).isEqualTo("access_token_invalid");
            assertThat(api.logoutAll(changed).code()).isEqualTo("access_token_invalid");
        }
        assertThat(api.me(session.accessToken()).status()).isEqualTo(200);
    }

    /** Without the secret; none of it may be taken for a failure of the service. */
    @Test
    void a_header_with_members_of_another_type_is_refused() {
        Api.Session session = api.newSession();
        String[] parts = session.accessToken().split("\\.");
        for (String name : List.of("alg", "typ", "kid", "crit", "cty", "b64", "zip", "enc", "x5c", "jwk", "x5t")) {
            for (Object value : new Object[] {1, true, new JsonArray().add(1), new JsonObject().put("x", 1), "", "x"}) {
                JsonObject header = Answer.part(session.accessToken(), 0).put(name, value);
                String changed = text(header) + "." + parts[1] + "." + parts[2];
                assertThat(api.me(changed).code()).as(header.encode()).isEqualTo("access_token_invalid");
            }
        }
    }

    @Test
    void a_refresh_token_is_no_access_token() {
        assertThat(api.me(api.newSession().refreshToken()).code()).isEqualTo("access_token_invalid");
    }

    @Test
    void the_scheme_is_compared_without_case() {
        String accessToken = api.newSession().accessToken();
        for (String scheme : List.of("Bearer", "bearer", "BEARER")) {
            Answer answer = api.send(api.request("/api/auth/me").header("Authorization", scheme + " " + accessToken));
            assertThat(answer.status()).as(scheme).isEqualTo(200);
        }
    }

    private static String text(JsonObject part) {
        return Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(part.encode().getBytes(StandardCharsets.UTF_8));
    }
}
