package dev.latchkey.account;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonArray;
import org.junit.jupiter.api.Test;

@QuarkusTest
class MeTest {

    private final Api api = Api.underTest();

    @Test
    void it_tells_the_user_as_the_database_knows_him_now() {
        Api.Session session = api.newSession();
        Db.update(
                "UPDATE users SET email = ?, roles = '{user,editor}' WHERE id = ?",
                session.user() + "@new",
                session.user());

        Answer answer = api.me(session.accessToken());

        assertThat(answer.json().getString("id")).isEqualTo(session.user().toString());
        assertThat(answer.json().getString("email")).isEqualTo(session.user() + "@new");
        assertThat(answer.json().getJsonArray("roles"))
                .isEqualTo(new JsonArray().add("user").add("editor"));
    }

    @Test
    void an_access_token_outlives_the_rotation_of_its_refresh_token() {
        Api.Session session = api.newSession();
        String next = api.refresh(session.refreshToken()).accessToken();

        assertThat(api.me(session.accessToken()).status()).isEqualTo(200);
        assertThat(api.me(next).status()).isEqualTo(200);
    }

    @Test
    void a_disabled_user_is_refused() {
        Api.Session session = api.newSession();
        Db.update("UPDATE users SET disabled_at = now() WHERE id = ?", session.user());

        assertThat(api.me(session.accessToken()).code()).isEqualTo("session_ended");
    }

    @Test
    void a_deleted_user_is_refused() {
        Api.Session session = api.newSession();
        Db.update("DELETE FROM users WHERE id = ?", session.user());

        assertThat(api.me(session.accessToken()).code()).isEqualTo("session_ended");
        assertThat(api.logoutAll(session.accessToken()).code()).isEqualTo("session_ended");
    }

    @Test
    void a_session_that_an_operator_ended_is_refused() {
        Api.Session session = api.newSession();
        Db.rows("SELECT end_session(?)", session.id());

        assertThat(api.me(session.accessToken()).code()).isEqualTo("session_ended");
    }
}
