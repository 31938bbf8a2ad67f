package dev.latchkey.ops;

import static dev.latchkey.testing.Management.metric;
import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonObject;
import java.net.http.HttpRequest;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

@QuarkusTest
class MetricsTest {

    private final Api api = Api.underTest();

    @Test
    void every_series_is_there_whether_or_not_anything_has_happened() {
        String scrape = scrape();

        for (String outcome : List.of(
                "rotated",
                "replayed",
                "token_invalid",
                "unknown_key",
                "token_revoked",
                "token_expired",
                "token_unknown",
                "token_reused",
                "too_many_refreshes",
                "temporarily_unavailable")) {
            assertThat(scrape).contains("latchkey_refreshes_total{outcome=\"" + outcome + "\"}");
        }
        for (String outcome : List.of("succeeded", "invalid_credentials", "overloaded", "temporarily_unavailable")) {
            assertThat(scrape).contains("latchkey_logins_total{outcome=\"" + outcome + "\"}");
        }
        for (String reason : List.of("logout", "logout_all", "reuse", "superseded")) {
            assertThat(scrape).contains("latchkey_sessions_ended_total{reason=\"" + reason + "\"}");
        }
        for (String kind : List.of("expired", "rotated", "sessions", "audit")) {
            assertThat(scrape).contains("latchkey_cleanup_rows_total{kind=\"" + kind + "\"}");
        }
        assertThat(scrape)
                .contains(
                        "\nlatchkey_rotation_seconds_bucket{le=\"0.005\"}",
                        "\nlatchkey_rotation_seconds_bucket{le=\"+Inf\"}",
                        "\nlatchkey_rotation_seconds_count ",
                        "\nlatchkey_rotation_seconds_sum ",
                        "\nlatchkey_rotation_group_size_bucket{le=\"64.0\"}",
                        "\nlatchkey_rotation_group_size_count ",
                        "\nlatchkey_rotation_group_size_sum ",
                        "\nlatchkey_reuse_attacks_total ",
                        "\nlatchkey_requests_shed_total ",
                        "\nlatchkey_requests_in_progress ",
                        "\nlatchkey_sessions_live ",
                        "\nlatchkey_cleanup_seconds_count ",
                        "\nlatchkey_cleanup_last_success_timestamp_seconds ");
    }

    @Test
    void pool_http_and_process_are_measured() {
        api.newSession();

        assertThat(scrape())
                .contains(
                        "\nagroal_acquire_count_total{",
                        "\nagroal_active_count{",
                        "\nagroal_available_count{",
                        "\nagroal_awaiting_count{",
                        "\nhttp_server_requests_seconds_count{",
                        "\nhttp_server_active_requests{",
                        "\nprocess_cpu_usage ",
                        "\nprocess_uptime_seconds ",
                        "\nprocess_resident_memory_bytes ",
                        "\njvm_memory_used_bytes{",
                        "uri=\"/api/auth/login\"");
    }

    @Test
    void the_time_of_calls_of_the_api_is_in_buckets_but_not_that_of_others_and_of_clients_mistakes() {
        api.refresh(api.newSession().refreshToken());
        api.refresh("x");
        api.send(api.request("/nothing"));

        assertThat(scrape().lines().filter(line -> line.startsWith("http_server_requests_seconds_bucket{")))
                .anyMatch(line -> line.contains("uri=\"/api/auth/refresh\"") && line.contains("le=\"0.005\""))
                .allMatch(line -> line.contains("uri=\"/api/auth/"))
                .noneMatch(line -> line.contains("CLIENT_ERROR"));
    }

    @Test
    void an_instance_tells_whether_it_is_ready_and_what_it_has() {
        assertThat(metric("latchkey_ready ")).isEqualTo(1);
        assertThat(metric("latchkey_pool_size ")).isGreaterThanOrEqualTo(1);
        assertThat(metric("process_resident_memory_bytes ")).isBetween(20e6, 8e9);
    }

    @Test
    void a_rotation_is_counted_and_timed() {
        Api.Session session = api.newSession();
        double rotated = metric("latchkey_refreshes_total{outcome=\"rotated\"}");
        double timed = metric("latchkey_rotation_seconds_count");
        double seconds = metric("latchkey_rotation_seconds_sum");

        api.refresh(session.refreshToken());

        assertThat(metric("latchkey_refreshes_total{outcome=\"rotated\"}")).isEqualTo(rotated + 1);
        assertThat(metric("latchkey_rotation_seconds_count")).isEqualTo(timed + 1);
        assertThat(metric("latchkey_rotation_seconds_sum")).isBetween(seconds, seconds + 5);
    }

    @Test
    void a_replay_and_each_refusal_are_counted_by_their_name() {
        Api.Session session = api.newSession();
        api.refresh(session.refreshToken());
        assertCounts("replayed", () -> api.refresh(session.refreshToken()));
        assertCounts("token_invalid", () -> api.refresh("x"));
        Db.update("UPDATE login_sessions SET expires_at = now() WHERE id = ?", session.id());
        assertCounts("token_expired", () -> api.refresh(session.refreshToken()));
        Db.rows("SELECT end_session(?)", session.id());
        assertCounts("token_revoked", () -> api.refresh(session.refreshToken()));
    }

    @Test
    void a_theft_is_counted_as_such_and_ends_a_session() {
        Api.Session session = api.newSession();
        api.refresh(session.refreshToken());
        Db.update(
                "UPDATE refresh_tokens SET revoked_at = now() - interval '1 minute' WHERE family_id = ? AND revoked",
                session.id());
        double attacks = metric("latchkey_reuse_attacks_total");
        double ended = metric("latchkey_sessions_ended_total{reason=\"reuse\"}");

        assertCounts("token_reused", () -> api.refresh(session.refreshToken()));

        assertThat(metric("latchkey_reuse_attacks_total")).isEqualTo(attacks + 1);
        assertThat(metric("latchkey_sessions_ended_total{reason=\"reuse\"}")).isEqualTo(ended + 1);
    }

    @Test
    void ended_sessions_are_counted_by_reason() {
        Api.User user = api.newUser();
        Api.Session one = api.logIn(user);
        api.logIn(user);
        Api.Session last = api.logIn(user);
        double logout = metric("latchkey_sessions_ended_total{reason=\"logout\"}");
        double logoutAll = metric("latchkey_sessions_ended_total{reason=\"logout_all\"}");

        api.logout(one.refreshToken());
        api.logout(one.refreshToken());
        api.logoutAll(last.accessToken());

        assertThat(metric("latchkey_sessions_ended_total{reason=\"logout\"}")).isEqualTo(logout + 1);
        assertThat(metric("latchkey_sessions_ended_total{reason=\"logout_all\"}"))
                .isEqualTo(logoutAll + 2);
    }

    @Test
    void the_clean_up_says_when_it_ran_and_how_many_sessions_live() throws InterruptedException {
        api.newSession();
        double before = metric("latchkey_cleanup_seconds_count");
        for (int i = 0; i < 100 && metric("latchkey_cleanup_seconds_count") < before + 2; i++) {
            Thread.sleep(100);
        }

        assertThat(metric("latchkey_cleanup_seconds_count")).isGreaterThanOrEqualTo(before + 2);
        assertThat(metric("latchkey_sessions_live")).isPositive();
        assertThat(metric("latchkey_cleanup_last_success_timestamp_seconds"))
                .isBetween(Instant.now().getEpochSecond() - 30.0, Instant.now().getEpochSecond() + 1.0);
    }

    @Test
    void neither_paths_nor_tokens_of_a_stranger_become_series() {
        String token = api.newSession().refreshToken();
        for (String path : List.of("/stranger", "/api/stranger", "/api/auth/refresh/stranger", "/" + token)) {
            api.send(api.request(path));
            api.post(path, new JsonObject().put("x", "x".repeat(9000)));
            api.send(api.request(path).method("OPTIONS", HttpRequest.BodyPublishers.noBody()));
        }
        api.send(api.request("/api/auth/me").method("STRANGER", HttpRequest.BodyPublishers.noBody()));

        assertThat(scrape()).doesNotContainIgnoringCase("stranger").doesNotContain("lk_");
    }

    @Test
    void every_path_of_the_api_has_its_own_series() {
        JsonObject paths = Management.api()
                .send(Management.api().request("/q/openapi?format=json"))
                .json()
                .getJsonObject("paths");
        for (String path : paths.fieldNames()) {
            api.send(api.request(path.replaceAll("\\{\\w+}", UUID.randomUUID().toString())));

            assertThat(scrape()).contains("uri=\"" + path + "\"");
        }
    }

    private void assertCounts(String outcome, Runnable refresh) {
        String series = "latchkey_refreshes_total{outcome=\"" + outcome + "\"}";
        double before = metric(series);
        refresh.run();
        assertThat(metric(series)).as(outcome).isEqualTo(before + 1);
    }

    private static String scrape() {
        Answer answer = Management.api().send(Management.api().request("/q/metrics"));
        assertThat(answer.status()).isEqualTo(200);
        return answer.body();
    }
}
