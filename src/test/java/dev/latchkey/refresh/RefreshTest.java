package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.Tokens;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The decision table, row by row. */
@QuarkusTest
class RefreshTest {

    private static final int OUTSIDE_THE_WINDOW = 31;

    private final Api api = Api.underTest();

    @Test
    void a_live_token_is_swapped_for_its_successor() {
        Session session = api.newSession();

        Answer answer = api.refresh(session.refreshToken());

        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.refreshToken()).isNotEqualTo(session.refreshToken());
        List<Map<String, Object>> rows = Tokens.rows(session.id());
        assertThat(rows).hasSize(2);
        assertThat(rows.get(0)).containsEntry("revoked", true).containsEntry("is_revoked", true);
        assertThat(rows.get(0))
                .containsEntry("revoked_reason", "ROTATED")
                .containsEntry("replaced_by", rows.get(1).get("id"));
        assertThat(rows.get(1))
                .containsEntry("revoked", false)
                .containsEntry("generation", 1)
                .containsEntry("user_id", session.user());
        assertThat(api.refresh(answer.refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void the_same_token_again_inside_the_window_gets_the_same_successor_and_a_fresh_access_token() {
        Session session = api.newSession();
        double replays = Management.metric("latchkey_refreshes_total{outcome=\"replayed\"}");

        Answer first = api.refresh(session.refreshToken());
        Answer second = api.refresh(session.refreshToken());
        Answer third = api.refresh(session.refreshToken());

        assertThat(List.of(second.status(), third.status())).containsOnly(200);
        assertThat(List.of(second.refreshToken(), third.refreshToken())).containsOnly(first.refreshToken());
        assertThat(second.accessToken()).isNotEqualTo(first.accessToken());
        assertThat(api.me(second.accessToken()).status()).isEqualTo(200);
        assertThat(Tokens.rows(session.id())).hasSize(2);
        assertThat(Tokens.audit(session.id(), "TOKEN_REPLAYED"))
                .hasSize(1)
                .first()
                .satisfies(row -> {
                    assertThat(row).containsEntry("generation", 0).containsEntry("user_id", session.user());
                    assertThat(details(row).getInteger("live_generation")).isEqualTo(1);
                });
        assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK")).isEmpty();
        assertThat(Management.metric("latchkey_refreshes_total{outcome=\"replayed\"}"))
                .isGreaterThanOrEqualTo(replays + 2);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 64})
    void a_token_some_generations_behind_gets_the_live_one_inside_the_window(int generations) {
        Session session = api.newSession();
        String live = rotate(session.refreshToken(), generations);

        Answer answer = api.refresh(session.refreshToken());

        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        assertThat(answer.refreshToken()).isEqualTo(live);
        assertThat(Tokens.rows(session.id())).hasSize(generations + 1);
    }

    @Test
    void a_token_more_than_64_generations_behind_is_refused_and_the_session_goes_on() {
        Session session = api.newSession();
        String live = rotate(session.refreshToken(), 65);

        Answer answer = api.refresh(session.refreshToken());

        assertThat(answer.status()).isEqualTo(429);
        assertThat(answer.code()).isEqualTo("too_many_refreshes");
        assertThat(api.refresh(live).status()).isEqualTo(200);
    }

    @Test
    void a_rotated_token_that_comes_back_after_the_window_ends_the_session_and_is_recorded_in_full() {
        Session session = api.newSession();
        Answer first = refreshAs("the-owner/1", session.refreshToken());
        Answer second = refreshAs("the-owner/2", first.refreshToken());
        Tokens.age(session.id(), OUTSIDE_THE_WINDOW);
        double attacks = Management.metric("latchkey_reuse_attacks_total");

        Answer theft = refreshAs("the-thief/1", session.refreshToken());

        assertThat(theft.status()).isEqualTo(401);
        assertThat(theft.code()).isEqualTo("token_reused");
        assertThat(Management.metric("latchkey_reuse_attacks_total")).isEqualTo(attacks + 1);
        assertThat(Tokens.live(session.id())).isZero();
        assertThat(Tokens.unrevoked(session.id())).isZero();
        assertThat(api.refresh(second.refreshToken()).code()).isEqualTo("token_revoked");
        assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_revoked");
        assertThat(api.me(second.accessToken()).code()).isEqualTo("session_ended");
        assertThat(Db.value("SELECT end_reason FROM login_sessions WHERE id = ?", session.id()))
                .isEqualTo("REUSE");
        assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK"))
                .hasSize(1)
                .first()
                .satisfies(row -> {
                    assertThat(row).containsEntry("generation", 0).containsEntry("user_id", session.user());
                    assertThat(row).containsEntry("user_agent", "the-thief/1").containsEntry("ip", "127.0.0.1");
                    JsonObject details = details(row);
                    assertThat(details.getInteger("live_generation")).isEqualTo(2);
                    assertThat(details.getInteger("seconds_since_rotation"))
                            .isBetween(OUTSIDE_THE_WINDOW, OUTSIDE_THE_WINDOW + 20);
                    assertThat(details.getJsonObject("holder").getString("user_agent"))
                            .isEqualTo("the-owner/2");
                    assertThat(details.getJsonObject("holder").getString("ip")).isEqualTo("127.0.0.1");
                });
    }

    @Test
    void theft_is_detected_after_the_rotated_rows_were_deleted() {
        Session session = api.newSession();
        String live = rotate(session.refreshToken(), 3);
        Db.update("DELETE FROM refresh_tokens WHERE family_id = ? AND revoked", session.id());

        Answer theft = api.refresh(session.refreshToken());

        assertThat(theft.code()).isEqualTo("token_reused");
        assertThat(api.refresh(live).code()).isEqualTo("token_revoked");
        assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK"))
                .hasSize(1)
                .first()
                .satisfies(row -> {
                    assertThat(details(row).containsKey("seconds_since_rotation"))
                            .isTrue();
                    assertThat(details(row).getValue("seconds_since_rotation")).isNull();
                    assertThat(details(row).getInteger("live_generation")).isEqualTo(3);
                });
    }

    @Test
    void the_successor_of_a_stolen_token_is_dead_too_once_the_owner_comes_back() {
        Session session = api.newSession();
        Answer thief = api.refresh(session.refreshToken());
        Tokens.age(session.id(), OUTSIDE_THE_WINDOW);

        assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_reused");
        assertThat(api.refresh(thief.refreshToken()).code()).isEqualTo("token_revoked");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "UPDATE login_sessions SET ended_at = now(), end_reason = 'ADMIN' WHERE id = ?",
                "UPDATE users SET session_epoch = session_epoch + 1 WHERE id = (SELECT user_id FROM login_sessions WHERE id = ?)",
                "UPDATE users SET disabled_at = now() WHERE id = (SELECT user_id FROM login_sessions WHERE id = ?)",
                "DELETE FROM users WHERE id = (SELECT user_id FROM login_sessions WHERE id = ?)",
                "DELETE FROM login_sessions WHERE id = ?",
                "UPDATE refresh_tokens SET revoked_at = now() WHERE family_id = ? AND NOT revoked",
                "UPDATE refresh_tokens SET revoked_at = now(), revoked_reason = 'by hand' WHERE family_id = ? AND NOT revoked",
                "SELECT end_session(?)",
            })
    void tokens_of_a_session_that_has_ended_for_whatever_reason_are_revoked(String end) {
        Session session = api.newSession();
        String live = rotate(session.refreshToken(), 1);
        execute(end, session.id());

        for (String token : List.of(live, session.refreshToken())) {
            Answer answer = api.refresh(token);
            assertThat(answer.status()).isEqualTo(401);
            assertThat(answer.code()).isEqualTo("token_revoked");
        }
        assertThat(Tokens.live(session.id())).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "UPDATE login_sessions SET expires_at = now() - interval '1 second' WHERE id = ?",
                "UPDATE refresh_tokens SET expires_at = now() - interval '1 second' WHERE family_id = ? AND NOT revoked",
                "DELETE FROM refresh_tokens WHERE family_id = ? AND NOT revoked",
                "DELETE FROM refresh_tokens WHERE family_id = ?",
            })
    void tokens_of_a_session_past_its_expiry_or_without_its_head_are_expired(String expire) {
        Session session = api.newSession();
        String live = rotate(session.refreshToken(), 1);
        execute(expire, session.id());

        assertThat(api.refresh(live).code()).isEqualTo("token_expired");
        assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_expired");
        assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK")).isEmpty();
    }

    @Test
    void a_token_from_before_a_restore_is_unknown_and_the_session_untouched() {
        Session session = api.newSession();
        String lost = rotate(session.refreshToken(), 1);
        restoreToTheFirstToken(session.id());

        for (int i = 0; i < 2; i++) {
            Answer answer = api.refresh(lost);
            assertThat(answer.status()).isEqualTo(401);
            assertThat(answer.code()).isEqualTo("token_unknown");
        }
        assertThat(Tokens.audit(session.id(), "TOKEN_UNKNOWN"))
                .hasSize(1)
                .first()
                .satisfies(
                        row -> assertThat(row).containsEntry("generation", 1).containsEntry("user_id", session.user()));
        assertThat(api.refresh(session.refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void a_token_whose_generation_was_given_out_anew_after_a_restore_is_unknown() {
        Session session = api.newSession();
        String lost = rotate(session.refreshToken(), 1);
        restoreToTheFirstToken(session.id());
        String live = rotate(session.refreshToken(), 1);
        assertThat(live).isNotEqualTo(lost);

        assertThat(api.refresh(lost).code()).isEqualTo("token_unknown");
        assertThat(api.refresh(live).status()).isEqualTo(200);
        Tokens.age(session.id(), OUTSIDE_THE_WINDOW);
        assertThat(api.refresh(lost).code()).isEqualTo("token_unknown");
        assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK")).isEmpty();
    }

    @Test
    void a_replay_whose_way_to_the_live_token_was_deleted_is_answered_503_and_not_taken_for_theft() {
        Session session = api.newSession();
        String live = rotate(session.refreshToken(), 3);
        Db.update("DELETE FROM refresh_tokens WHERE family_id = ? AND generation = 2", session.id());

        Answer answer = api.refresh(session.refreshToken());

        assertThat(answer.status()).isEqualTo(503);
        assertThat(answer.header("Retry-After")).isEqualTo("1");
        assertThat(api.refresh(live).status()).isEqualTo(200);
    }

    @Test
    void neither_token_outlives_the_session() {
        Session session = api.newSession();
        Db.update("UPDATE login_sessions SET expires_at = now() + interval '100 seconds' WHERE id = ?", session.id());

        Answer answer = api.refresh(session.refreshToken());

        assertThat(answer.json().getLong("expires_in")).isBetween(80L, 100L);
        assertThat(answer.json().getLong("refresh_expires_in")).isBetween(80L, 100L);
    }

    private String rotate(String token, int times) {
        String live = token;
        for (int i = 0; i < times; i++) {
            Answer answer = api.refresh(live);
            assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
            live = answer.refreshToken();
        }
        return live;
    }

    private Answer refreshAs(String userAgent, String token) {
        return api.post("/api/auth/refresh", new JsonObject().put("refresh_token", token), "User-Agent", userAgent);
    }

    /** What a restore from a backup does that was made before the first refresh. */
    private static void restoreToTheFirstToken(UUID session) {
        Db.update("DELETE FROM refresh_tokens WHERE family_id = ? AND generation > 0", session);
        Db.update(
                "UPDATE refresh_tokens SET revoked_at = NULL, revoked_reason = NULL, replaced_by = NULL WHERE family_id = ?",
                session);
    }

    private static void execute(String sql, UUID session) {
        if (sql.startsWith("SELECT")) {
            Db.rows(sql, session);
        } else {
            assertThat(Db.update(sql, session)).isPositive();
        }
    }

    static JsonObject details(Map<String, Object> auditRow) {
        return new JsonObject(auditRow.get("details").toString());
    }
}
