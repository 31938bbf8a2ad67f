package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What {@code REUSE_ACTION} makes of a rotated token that comes back after its retry window. */
class ReuseActionIT {

    private static Postgres postgres;
    private static OneDatabase database;
    private static Packaged reporting;
    private static Packaged ending;
    private static Packaged endingAll;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        database = postgres.database();
        Map<String, String> common = database.settings();
        List<Packaged> replicas = Packaged.startAll(
                List.of(with(common, "REPORT"), with(common, "END_SESSION"), with(common, "END_ALL_SESSIONS")));
        reporting = replicas.get(0);
        ending = replicas.get(1);
        endingAll = replicas.get(2);
    }

    private static Map<String, String> with(Map<String, String> common, String action) {
        Map<String, String> settings = new HashMap<>(common);
        settings.put("REUSE_ACTION", action);
        return settings;
    }

    @AfterAll
    static void stop() {
        endingAll.close();
        ending.close();
        reporting.close();
        postgres.close();
    }

    @Test
    void a_reported_reuse_is_refused_each_time_recorded_once_for_each_generation_and_ends_nothing() {
        Api.Session session = reporting.api().newSession();
        String second = refreshed(session.refreshToken());
        String third = refreshed(second);
        age(session);

        for (String reused : List.of(session.refreshToken(), second, session.refreshToken(), second)) {
            Answer refused = reporting.api().refresh(reused);
            assertThat(refused.status()).isEqualTo(401);
            assertThat(refused.code()).isEqualTo("token_reused");
        }

        assertThat(attacks(session.id()))
                .extracting(row -> row.get("generation"))
                .containsExactly(0, 1);
        assertThat(details(attacks(session.id()).get(0)).getString("action")).isEqualTo("REPORT");
        assertThat(reporting.api().me(session.accessToken()).status()).isEqualTo(200);
        assertThat(reporting.api().refresh(third).status()).isEqualTo(200);
    }

    @Test
    void a_reported_reuse_that_ends_the_session_later_is_the_same_row_which_then_says_so() {
        Api.Session session = reporting.api().newSession();
        String live = refreshed(session.refreshToken());
        age(session);
        reporting.api().refresh(session.refreshToken());
        Object reported = attacks(session.id()).get(0).get("id");

        Answer refused = ending.api().refresh(session.refreshToken());

        assertThat(refused.code()).isEqualTo("token_reused");
        List<Map<String, Object>> attacks = attacks(session.id());
        assertThat(attacks).extracting(row -> row.get("id")).containsExactly(reported);
        JsonObject details = details(attacks.get(0));
        assertThat(details.getString("action")).isEqualTo("END_SESSION");
        assertThat(details.getInteger("live_generation")).isEqualTo(1);
        assertThat(details.getLong("seconds_since_rotation")).isBetween(300L, 600L);
        assertThat(details.getJsonObject("holder").getString("ip")).isNotEmpty();
        assertThat(reporting.api().refresh(live).code()).isEqualTo("token_revoked");
        assertThat(reporting.api().refresh(session.refreshToken()).code()).isEqualTo("token_revoked");
    }

    @Test
    void all_sessions_of_the_user_end_and_nobody_elses() {
        Api.User user = endingAll.api().newUser();
        Api.Session stolen = endingAll.api().logIn(user);
        Api.Session other = endingAll.api().logIn(user);
        Api.Session strangers = endingAll.api().newSession();
        String live = refreshed(stolen.refreshToken());
        age(stolen);

        Answer refused = endingAll.api().refresh(stolen.refreshToken());

        assertThat(refused.code()).isEqualTo("token_reused");
        assertThat(endingAll.api().refresh(live).code()).isEqualTo("token_revoked");
        assertThat(endingAll.api().refresh(other.refreshToken()).code()).isEqualTo("token_revoked");
        assertThat(endingAll.api().me(other.accessToken()).code()).isEqualTo("session_ended");
        assertThat(endingAll.api().refresh(strangers.refreshToken()).status()).isEqualTo(200);
        assertThat(attacks(stolen.id())).hasSize(1);
        assertThat(details(attacks(stolen.id()).get(0)).getString("action")).isEqualTo("END_ALL_SESSIONS");
        assertThat(attacks(other.id())).isEmpty();
        List<Map<String, Object>> revoked = database.rows(
                "SELECT * FROM audit_logs WHERE event_type = 'SESSION_REVOKED' AND user_id = ?", user.id());
        assertThat(revoked).extracting(row -> row.get("session_id")).containsExactly(other.id());
        assertThat(details(revoked.get(0)).getString("reason")).isEqualTo("REUSE");
        assertThat(endingAll.api().login(user.email(), Api.PASSWORD).status()).isEqualTo(200);
    }

    @Test
    void a_logout_with_a_reused_token_ends_the_session_also_where_reuse_is_only_reported() {
        Api.Session session = reporting.api().newSession();
        String live = refreshed(session.refreshToken());
        age(session);

        assertThat(reporting.api().logout(session.refreshToken()).status()).isEqualTo(204);

        assertThat(reporting.api().refresh(live).code()).isEqualTo("token_revoked");
        assertThat(attacks(session.id())).hasSize(1);
        assertThat(details(attacks(session.id()).get(0)).getString("action")).isEqualTo("END_SESSION");
    }

    private static String refreshed(String token) {
        return reporting.api().refresh(token).refreshToken();
    }

    /** As if what was rotated so far had been rotated five minutes ago. */
    private static void age(Api.Session session) {
        database.update(
                "UPDATE refresh_tokens SET revoked_at = revoked_at - interval '5 minutes' WHERE family_id = ? AND revoked",
                session.id());
    }

    private static List<Map<String, Object>> attacks(UUID session) {
        return database.rows(
                "SELECT * FROM audit_logs WHERE event_type = 'TOKEN_REUSE_ATTACK' AND session_id = ? ORDER BY id",
                session);
    }

    private static JsonObject details(Map<String, Object> row) {
        return new JsonObject(row.get("details").toString());
    }
}
