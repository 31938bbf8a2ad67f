package dev.latchkey.cleanup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.Tokens;
import io.quarkus.test.junit.QuarkusTest;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** The scheduled job, seen from outside: what it removes, what it keeps, and that it waits for nobody. */
@QuarkusTest
class CleanupTest {

    private static final Duration SOME_PASSES = Duration.ofSeconds(20);
    private static final String LAST_SUCCESS = "latchkey_cleanup_last_success_timestamp_seconds";

    private final Api api = Api.underTest();

    @Test
    void rotated_tokens_are_pruned_after_their_retention_and_the_live_one_stays() throws Exception {
        Session session = api.newSession();
        String live = api.refresh(session.refreshToken()).refreshToken();
        Answer newest = api.refresh(live);
        double removed = removed("rotated");
        age(session.id(), "25 hours");

        await(() -> Tokens.rows(session.id()).size() == 1);

        assertThat(Tokens.rows(session.id()).get(0))
                .containsEntry("generation", 2)
                .containsEntry("revoked", false);
        awaitPass();
        assertThat(removed("rotated")).isGreaterThanOrEqualTo(removed + 2);
        assertThat(api.refresh(newest.refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void rotated_tokens_within_their_retention_stay() throws Exception {
        Session session = api.newSession();
        api.refresh(session.refreshToken());
        age(session.id(), "23 hours");
        awaitPass();

        assertThat(Tokens.rows(session.id())).hasSize(2);
    }

    @Test
    void theft_is_detected_after_the_rotated_token_was_pruned() throws Exception {
        Session session = api.newSession();
        String live = api.refresh(session.refreshToken()).refreshToken();
        age(session.id(), "25 hours");
        await(() -> Tokens.rows(session.id()).size() == 1);

        assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_reused");
        assertThat(api.refresh(live).code()).isEqualTo("token_revoked");
    }

    @Test
    void tokens_that_expired_longer_ago_than_the_retention_are_removed_and_others_not() throws Exception {
        Session longAgo = api.newSession();
        Session lately = api.newSession();
        double removed = removed("expired");
        expire(longAgo.id(), "31 days");
        expire(lately.id(), "29 days");

        await(() -> Tokens.rows(longAgo.id()).isEmpty());
        awaitPass();

        assertThat(Tokens.rows(lately.id())).hasSize(1);
        assertThat(removed("expired")).isGreaterThanOrEqualTo(removed + 1);
        assertThat(api.refresh(longAgo.refreshToken()).code()).isEqualTo("token_expired");
    }

    @Test
    void sessions_long_over_and_old_audit_rows_are_removed() throws Exception {
        Session over = api.newSession();
        Session ended = api.newSession();
        Session living = api.newSession();
        api.logout(ended.refreshToken());
        Db.update("UPDATE login_sessions SET expires_at = now() - interval '31 days' WHERE id = ?", over.id());
        Db.update("UPDATE login_sessions SET ended_at = now() - interval '31 days' WHERE id = ?", ended.id());
        Db.update("UPDATE audit_logs SET created_at = now() - interval '366 days' WHERE session_id = ?", over.id());

        await(() -> Db.count("SELECT count(*) FROM login_sessions WHERE id IN (?, ?)", over.id(), ended.id()) == 0);
        await(() -> Db.count("SELECT count(*) FROM audit_logs WHERE session_id = ?", over.id()) == 0);

        assertThat(Db.count("SELECT count(*) FROM login_sessions WHERE id = ?", living.id()))
                .isEqualTo(1);
        assertThat(Db.count("SELECT count(*) FROM audit_logs WHERE session_id = ?", living.id()))
                .isEqualTo(1);
        assertThat(api.refresh(ended.refreshToken()).code()).isEqualTo("token_revoked");
    }

    @Test
    void many_batches_of_rows_with_the_same_expiry_are_removed_and_the_others_beside_them_kept() throws Exception {
        Session session = api.newSession();
        Db.update("""
                INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at, revoked_at, revoked_reason)
                SELECT gen_random_uuid(), ?, gen_random_uuid(), 0, md5(random()::text) || md5(random()::text),
                       date_trunc('day', now()) - interval '10 days',
                       CASE WHEN n % 2 = 0 THEN now() - interval '2 days' END, CASE WHEN n % 2 = 0 THEN 'ROTATED' END
                FROM generate_series(1, 5000) n
                """, session.user());

        await(() -> Db.count("SELECT count(*) FROM refresh_tokens WHERE user_id = ? AND revoked", session.user()) == 0);

        assertThat(Db.count("SELECT count(*) FROM refresh_tokens WHERE user_id = ? AND NOT revoked", session.user()))
                .isEqualTo(2501);
        Db.update("DELETE FROM refresh_tokens WHERE user_id = ? AND expires_at < now()", session.user());
    }

    @Test
    void a_locked_row_is_skipped_and_removed_once_it_is_free() throws Exception {
        Session locked = api.newSession();
        Session free = api.newSession();
        try (Connection connection = Db.connect()) {
            connection.setAutoCommit(false);
            Db.rows(connection, "SELECT 1 FROM refresh_tokens WHERE family_id = ? FOR UPDATE", locked.id());
            Db.update(connection, "UPDATE refresh_tokens SET ip = ip WHERE family_id = ?", locked.id());
            expire(free.id(), "31 days");
            expireIn(connection, locked.id());

            await(() -> Tokens.rows(free.id()).isEmpty());
            assertThat(Tokens.rows(locked.id())).hasSize(1);
            connection.commit();
        }
        await(() -> Tokens.rows(locked.id()).isEmpty());
    }

    @Test
    void live_sessions_are_counted() throws Exception {
        api.newSession();
        awaitPass();
        long counted = (long) Management.metric("latchkey_sessions_live");

        assertThat(counted).isPositive();
        assertThat(Management.metric("latchkey_cleanup_seconds_count")).isPositive();
    }

    private static double removed(String kind) {
        return Management.metric("latchkey_cleanup_rows_total{kind=\"" + kind + "\"}");
    }

    private static void age(UUID session, String by) {
        Db.update(
                "UPDATE refresh_tokens SET created_at = created_at - ?::interval, revoked_at = revoked_at - ?::interval,"
                        + " expires_at = expires_at - ?::interval WHERE family_id = ?",
                by,
                by,
                by,
                session);
    }

    private static void expire(UUID session, String ago) {
        Db.update("UPDATE refresh_tokens SET expires_at = now() - ?::interval WHERE family_id = ?", ago, session);
    }

    private static void expireIn(Connection connection, UUID session) throws SQLException {
        Db.update(
                connection,
                "UPDATE refresh_tokens SET expires_at = now() - interval '31 days' WHERE family_id = ?",
                session);
    }

    /** Waits for a whole pass that began after this call. */
    private static void awaitPass() throws InterruptedException {
        double count = Management.metric("latchkey_cleanup_seconds_count");
        await(() -> Management.metric("latchkey_cleanup_seconds_count") >= count + 2);
        assertThat(Management.metric(LAST_SUCCESS)).isGreaterThan(0);
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        Instant end = Instant.now().plus(SOME_PASSES);
        while (!condition.getAsBoolean()) {
            assertThat(Instant.now()).as("waited for clean-up passes").isBefore(end);
            Thread.sleep(100);
        }
    }
}
