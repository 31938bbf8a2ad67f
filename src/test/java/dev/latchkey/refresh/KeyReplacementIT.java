package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Replacement;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * {@code JWT_REFRESH_SECRET} is replaced in three deployments without ending a session or refusing a request. During each
 * of them replicas of the step before and of the step after run side by side on one database, as here.
 */
class KeyReplacementIT {

    private static Postgres postgres;
    private static OneDatabase database;
    private static Replacement replacement;
    private static Packaged before;
    private static Packaged accepting;
    private static Packaged swapped;
    private static Packaged after;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        database = postgres.database();
        replacement = Replacement.of("JWT_REFRESH_SECRET", database);
        before = replacement.before();
        accepting = replacement.accepting();
        swapped = replacement.swapped();
        after = replacement.after();
    }

    @AfterAll
    static void stop() {
        replacement.close();
        postgres.close();
    }

    @Test
    void a_session_lives_through_all_three_steps_with_replays_across_each() {
        Api.Session session = before.api().newSession();

        // first deployment: both make tokens with the old secret
        String first = refreshedBy(accepting, session.refreshToken());
        assertThat(refreshedBy(before, session.refreshToken())).isEqualTo(first);
        String second = refreshedBy(before, first);
        assertThat(refreshedBy(accepting, first)).isEqualTo(second);
        assertThat(refreshedBy(accepting, session.refreshToken())).isEqualTo(second);

        // second deployment: one makes them with the old secret, one with the new
        String third = refreshedBy(swapped, second);
        assertThat(refreshedBy(accepting, second)).isEqualTo(third);
        String fourth = refreshedBy(accepting, third);
        assertThat(refreshedBy(swapped, third)).isEqualTo(fourth);
        String fifth = refreshedBy(swapped, fourth);
        assertThat(refreshedBy(accepting, session.refreshToken())).isEqualTo(fifth);
        assertThat(refreshedBy(swapped, session.refreshToken())).isEqualTo(fifth);

        // third deployment: both make them with the new one
        String sixth = refreshedBy(after, fifth);
        assertThat(refreshedBy(swapped, fifth)).isEqualTo(sixth);
        String seventh = refreshedBy(swapped, sixth);
        assertThat(refreshedBy(after, sixth)).isEqualTo(seventh);

        assertThat(database.count("SELECT count(*) FROM refresh_tokens WHERE family_id = ?", session.id()))
                .isEqualTo(8);
        assertThat(database.count(
                        "SELECT count(*) FROM audit_logs WHERE session_id = ? AND event_type = 'TOKEN_REUSE_ATTACK'",
                        session.id()))
                .isZero();
    }

    @Test
    void a_replay_where_the_successors_key_is_missing_is_put_off_and_leaves_the_session_alone() {
        Api.Session session = before.api().newSession();
        String successor = refreshedBy(swapped, session.refreshToken());

        Answer putOff = before.api().refresh(session.refreshToken());

        assertThat(putOff.status()).isEqualTo(503);
        assertThat(putOff.code()).isEqualTo("temporarily_unavailable");
        assertThat(putOff.header("Retry-After")).isEqualTo("1");
        assertThat(before.output()).contains("JWT_REFRESH_SECRET_PREVIOUS").doesNotContain(session.refreshToken());
        assertThat(refreshedBy(accepting, session.refreshToken())).isEqualTo(successor);
        assertThat(refreshedBy(swapped, successor)).isNotEqualTo(successor);
        assertThat(database.count(
                        "SELECT count(*) FROM audit_logs WHERE session_id = ? AND event_type = 'TOKEN_REUSE_ATTACK'",
                        session.id()))
                .isZero();
    }

    @Test
    void a_token_under_a_key_that_is_not_accepted_is_invalid_and_counted_apart() {
        Api.Session session = before.api().newSession();

        Answer refused = after.api().refresh(session.refreshToken());

        assertThat(refused.status()).isEqualTo(401);
        assertThat(refused.code()).isEqualTo("token_invalid");
        assertThat(after.management()
                        .send(after.management().request("/q/metrics"))
                        .body())
                .contains("latchkey_refreshes_total{outcome=\"unknown_key\"} 1.0");
        assertThat(before.api().refresh(session.refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void reuse_and_logout_know_tokens_of_the_old_key_after_the_swap() {
        Api.Session stolen = before.api().newSession();
        Api.Session left = before.api().newSession();
        refreshedBy(swapped, stolen.refreshToken());
        database.update(
                "UPDATE refresh_tokens SET revoked_at = revoked_at - interval '5 minutes' WHERE family_id = ? AND revoked",
                stolen.id());

        assertThat(swapped.api().refresh(stolen.refreshToken()).code()).isEqualTo("token_reused");
        assertThat(swapped.api().logout(left.refreshToken()).status()).isEqualTo(204);
        assertThat(before.api().refresh(left.refreshToken()).code()).isEqualTo("token_revoked");
    }

    private static String refreshedBy(Packaged replica, String token) {
        Answer answer = replica.api().refresh(token);
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        return answer.refreshToken();
    }
}
