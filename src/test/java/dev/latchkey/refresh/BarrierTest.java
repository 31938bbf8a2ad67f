package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Api.User;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Hold;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Tokens;
import dev.latchkey.testing.Waiting;
import io.quarkus.test.junit.QuarkusTest;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Once the end of a session was answered, nothing of it can be refreshed: with the race's order given, not left to luck. */
@QuarkusTest
class BarrierTest {

    private static final int OUTSIDE_THE_WINDOW = 31;
    private static final Duration A_CLEANUP_PASS = Duration.ofSeconds(20);

    private final Api api = Api.underTest();

    /** Everything that ends a session. The held one is of generation 1, so that there is a rotated token to reuse. */
    enum Ending {
        LOGOUT,
        LOGOUT_ALL,
        REUSE,
        SQL_END_SESSION,
        SQL_END_USER_SESSIONS,
        SQL_END_ALL_SESSIONS,
        DISABLED,
        PASSWORD_CHANGED_BY_ANOTHER_SESSION;

        Object run(Api api, Session session, String live) throws SQLException {
            return switch (this) {
                case LOGOUT -> expect(204, api.logout(live));
                case LOGOUT_ALL -> expect(204, api.logoutAll(session.accessToken()));
                case REUSE -> expect(401, api.refresh(session.refreshToken()));
                case SQL_END_SESSION -> Db.value("SELECT end_session(?)", session.id());
                case SQL_END_USER_SESSIONS -> Db.value("SELECT end_user_sessions(?)", session.user());
                case SQL_END_ALL_SESSIONS -> Db.value("SELECT end_all_sessions()");
                case DISABLED -> endAll(session, "disabled_at = now()", "ADMIN");
                case PASSWORD_CHANGED_BY_ANOTHER_SESSION ->
                    endAll(session, "password_hash = password_hash", "PASSWORD_CHANGED");
            };
        }

        private static Answer expect(int status, Answer answer) {
            assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
            return answer;
        }

        /** By the design's statements: the epoch is raised together with the change, then the sessions below it end. */
        private static int endAll(Session session, String change, String reason) throws SQLException {
            try (Connection connection = Db.connect()) {
                connection.setAutoCommit(false);
                int raised = Db.update(
                        connection,
                        "UPDATE users SET session_epoch = session_epoch + 1, " + change
                                + " WHERE id = ? AND session_epoch = (SELECT user_epoch FROM login_sessions WHERE id = ?)",
                        session.user(),
                        session.id());
                Db.rows(connection, """
                        WITH ended AS (
                            UPDATE login_sessions s SET ended_at = now(), end_reason = ? FROM users u
                            WHERE u.id = ? AND s.user_id = u.id AND s.user_epoch < u.session_epoch AND s.ended_at IS NULL
                            RETURNING s.id)
                        UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = ? FROM ended
                        WHERE t.family_id = ended.id AND t.revoked_at IS NULL RETURNING t.id
                        """, reason, session.user(), reason);
                connection.commit();
                return raised;
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_end_that_comes_while_a_rotation_is_uncommitted(Ending ending) throws Exception {
        Session session = api.newSession();
        String live = aged(session);
        try (Race race = new Race();
                Hold hold = Hold.rotationBeforeItInserts(session.id())) {
            Future<Answer> refresh = race.start(() -> api.refresh(live));
            hold.untilHeld();
            Future<Object> end = race.start(() -> ending.run(api, session, live));
            hold.untilAnotherWaits();
            hold.release();

            Race.result(end);
            Answer refreshed = Race.result(refresh);
            assertThat(refreshed.status()).isEqualTo(200);
            assertNothingCanBeRefreshed(session, List.of(refreshed.refreshToken(), live, session.refreshToken()));
            awaitTruth(session);
        }
    }

    @ParameterizedTest
    @EnumSource
    void an_end_that_is_answered_while_a_rotation_has_read_and_not_yet_written(Ending ending) throws Exception {
        Session session = api.newSession();
        String live = aged(session);
        try (Race race = new Race()) {
            Future<Answer> refresh;
            try (Hold hold = Hold.rotationBeforeItLocks(session.id())) {
                refresh = race.start(() -> api.refresh(live));
                hold.untilHeld();
                Future<Object> end = race.start(() -> ending.run(api, session, live));
                hold.release();
                Race.result(end);
            }
            Answer refreshed = Race.result(refresh);

            assertThat(refreshed.status()).isIn(200, 401);
            String got = refreshed.status() == 200 ? refreshed.refreshToken() : live;
            assertNothingCanBeRefreshed(session, List.of(got, live, session.refreshToken()));
            awaitTruth(session);
        }
    }

    @ParameterizedTest
    @EnumSource(
            names = {
                "LOGOUT_ALL",
                "SQL_END_USER_SESSIONS",
                "SQL_END_ALL_SESSIONS",
                "DISABLED",
                "PASSWORD_CHANGED_BY_ANOTHER_SESSION"
            })
    void a_login_that_is_held_open_across_the_end_of_its_users_sessions(Ending ending) throws Exception {
        User user = api.newUser();
        Session other = api.logIn(user);
        try (Race race = new Race();
                Hold hold = Hold.loginBeforeItInserts(user.id())) {
            Future<Answer> login = race.start(() -> api.login(user.email(), Api.PASSWORD));
            hold.untilHeld();
            ending.run(api, other, other.refreshToken());
            hold.release();

            Answer answer = Race.result(login);
            assertThat(answer.status()).isEqualTo(200);
            assertThat(api.refresh(answer.refreshToken()).code()).isEqualTo("token_revoked");
            assertThat(api.me(answer.accessToken()).code()).isEqualTo("session_ended");
            awaitTruth(new Session(
                    UUID.fromString(answer.json().getString("session_id")),
                    user.id(),
                    answer.accessToken(),
                    answer.refreshToken()));
        }
    }

    @Test
    void a_session_that_a_logout_everywhere_has_ended_can_not_end_a_new_login() throws Exception {
        User user = api.newUser();
        Session first = api.logIn(user);
        Session second = api.logIn(user);
        assertThat(api.logoutAll(first.accessToken()).status()).isEqualTo(204);
        Session later = api.logIn(user);

        Answer answer = api.logoutAll(second.accessToken());
        int passwordsChanged = Ending.endAll(second, "password_hash = 'the thief''s'", "PASSWORD_CHANGED");

        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.code()).isEqualTo("session_ended");
        assertThat(passwordsChanged).isZero();
        assertThat(api.refresh(later.refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void of_two_logouts_everywhere_at_once_the_second_does_not_take_the_next_epoch() {
        User user = api.newUser();
        try (Race race = new Race()) {
            for (int round = 0; round < 20; round++) {
                Session first = api.logIn(user);
                Session second = api.logIn(user);
                long epoch = epoch(user);

                List<Answer> answers = race.run(
                        List.of(() -> api.logoutAll(first.accessToken()), () -> api.logoutAll(second.accessToken())));

                assertThat(answers.stream().map(Answer::status))
                        .as("round %d: %s", round, answers)
                        .contains(204)
                        .containsAnyOf(204, 401);
                assertThat(epoch(user)).as("round %d: %s", round, answers).isEqualTo(epoch + 1);
            }
        }
    }

    @Test
    void a_logout_of_a_disabled_user_holds_when_the_user_is_enabled_again() {
        Session session = api.newSession();
        Db.update("UPDATE users SET disabled_at = now() WHERE id = ?", session.user());
        assertThat(api.logout(session.refreshToken()).status()).isEqualTo(204);

        Db.update("UPDATE users SET disabled_at = NULL WHERE id = ?", session.user());

        assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_revoked");
    }

    @Test
    void a_rotation_that_was_given_up_does_not_happen_later() throws Exception {
        Session session = api.newSession();
        try (Race race = new Race();
                Hold hold = Hold.rotationBeforeItInserts(session.id())) {
            Future<Answer> refresh = race.start(() -> api.refresh(session.refreshToken()));
            hold.untilHeld();

            Answer answer = Race.result(refresh);
            assertThat(answer.status()).as(answer.toString()).isEqualTo(503);
            assertThat(answer.header("Retry-After")).isEqualTo("1");
        }
        // As it would be known if it had happened: rotated long ago, which is theft at the next try.
        Thread.sleep(500);
        assertThat(Tokens.rows(session.id()))
                .hasSize(1)
                .first()
                .satisfies(row -> assertThat(row).containsEntry("revoked", false));
        assertThat(api.refresh(session.refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void enabling_a_disabled_user_again_revives_nothing() throws Exception {
        User user = api.newUser();
        Session session = api.logIn(user);
        Ending.DISABLED.run(api, session, session.refreshToken());
        assertThat(api.login(user.email(), Api.PASSWORD).code()).isEqualTo("invalid_credentials");

        Db.update("UPDATE users SET disabled_at = NULL WHERE id = ?", user.id());

        assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_revoked");
        assertThat(api.me(session.accessToken()).code()).isEqualTo("session_ended");
        assertThat(api.refresh(api.logIn(user).refreshToken()).status()).isEqualTo(200);
    }

    @Test
    void deleting_a_user_in_three_steps_while_its_sessions_refresh_meets_no_deadlock() {
        long deadlocks = deadlocks();
        List<Answer> answers = refreshWhile(user -> {
            Db.update(
                    "UPDATE users SET disabled_at = now(), session_epoch = session_epoch + 1 WHERE id = ?", user.id());
            Db.value("SELECT end_user_sessions(?)", user.id());
            Db.update("DELETE FROM users WHERE id = ?", user.id());
        });

        assertThat(answers).allMatch(answer -> answer.status() == 200 || answer.status() == 401);
        assertThat(answers.stream().filter(answer -> answer.status() == 401))
                .allMatch(answer -> answer.code().equals("token_revoked"));
        assertThat(deadlocks()).isEqualTo(deadlocks);
    }

    @Test
    void a_plain_delete_by_another_application_while_sessions_refresh_gives_no_server_error() {
        List<Answer> answers = refreshWhile(user -> {
            boolean deleted = false;
            while (!deleted) {
                try {
                    deleted = Db.update("DELETE FROM users WHERE id = ?", user.id()) == 1;
                } catch (IllegalStateException deadlock) {
                    // The other application's to repeat: PostgreSQL chose it as the victim.
                    assertThat(deadlock)
                            .hasRootCauseInstanceOf(SQLException.class)
                            .rootCause()
                            .hasMessageContaining("deadlock");
                }
            }
        });

        assertThat(answers).allMatch(answer -> answer.status() == 200 || answer.status() == 401);
    }

    private interface Deletion {
        void of(User user);
    }

    /** Eight threads refresh a session each of the same user, for one user after the other, while it is deleted. */
    private List<Answer> refreshWhile(Deletion deletion) {
        List<Answer> answers = new ArrayList<>();
        try (Race race = new Race()) {
            for (int round = 0; round < 5; round++) {
                User user = api.newUser();
                List<Session> sessions = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    sessions.add(api.logIn(user));
                }
                AtomicBoolean over = new AtomicBoolean();
                AtomicInteger refreshed = new AtomicInteger();
                List<Callable<List<Answer>>> runners = new ArrayList<>();
                for (Session session : sessions) {
                    runners.add(() -> refreshUntil(over, session.refreshToken(), refreshed));
                }
                runners.add(() -> {
                    try {
                        Waiting.until(() -> refreshed.get() > 20);
                        deletion.of(user);
                        Thread.sleep(50);
                        return List.of();
                    } finally {
                        over.set(true);
                    }
                });
                race.run(runners).forEach(answers::addAll);
            }
        }
        assertThat(answers).hasSizeGreaterThan(100);
        return answers;
    }

    private List<Answer> refreshUntil(AtomicBoolean over, String first, AtomicInteger refreshed) {
        List<Answer> answers = new ArrayList<>();
        String token = first;
        while (!over.get()) {
            Answer answer = api.refresh(token);
            answers.add(answer);
            if (answer.status() == 200) {
                token = answer.refreshToken();
                refreshed.incrementAndGet();
            }
        }
        return answers;
    }

    /** The live token of a session whose first one was rotated too long ago to come back. */
    private String aged(Session session) {
        String live = api.refresh(session.refreshToken()).refreshToken();
        Tokens.age(session.id(), OUTSIDE_THE_WINDOW);
        return live;
    }

    private void assertNothingCanBeRefreshed(Session session, List<String> tokens) {
        assertThat(Tokens.live(session.id())).isZero();
        for (String token : tokens) {
            assertThat(api.refresh(token).code()).isEqualTo("token_revoked");
        }
    }

    /** A clean-up pass leaves no unrevoked row of the session, and marks its end. */
    private static void awaitTruth(Session session) throws InterruptedException {
        Instant end = Instant.now().plus(A_CLEANUP_PASS);
        while (Tokens.unrevoked(session.id()) > 0) {
            assertThat(Instant.now())
                    .as("an unrevoked row of a dead session: %s", Tokens.rows(session.id()))
                    .isBefore(end);
            Thread.sleep(100);
        }
        assertThat(Db.value("SELECT ended_at FROM login_sessions WHERE id = ?", session.id()))
                .isNotNull();
    }

    private static long epoch(User user) {
        return Db.count("SELECT session_epoch FROM users WHERE id = ?", user.id());
    }

    private static long deadlocks() {
        return Db.count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    }
}
