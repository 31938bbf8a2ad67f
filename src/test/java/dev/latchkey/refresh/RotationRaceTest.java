package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Tokens;
import io.quarkus.test.junit.QuarkusTest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** What happens when many come at once; a failing round prints what everybody was answered. */
@QuarkusTest
class RotationRaceTest {

    private static final int OUTSIDE_THE_WINDOW = 31;

    private final Api api = Api.underTest();

    /** Fewer against the packaged application. */
    int rounds(int full) {
        return full;
    }

    @Test
    void sixteen_threads_with_the_same_live_token_get_the_same_successor() {
        Session session = api.newSession();
        String token = session.refreshToken();
        int rounds = rounds(200);
        try (Race race = new Race()) {
            for (int round = 1; round <= rounds; round++) {
                String presented = token;
                List<Answer> answers = race.run(Collections.nCopies(16, () -> api.refresh(presented)));

                assertThat(answers).as("round %d", round).allMatch(answer -> answer.status() == 200);
                assertThat(answers.stream().map(Answer::refreshToken).distinct())
                        .as("round %d: %s", round, answers)
                        .hasSize(1);
                assertThat(answers.stream().map(Answer::accessToken).distinct()).hasSize(16);
                token = answers.get(0).refreshToken();
            }
        }
        assertThat(Tokens.rows(session.id())).hasSize(rounds + 1);
        assertThat(Tokens.unrevoked(session.id())).isEqualTo(1);
        assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK")).isEmpty();
    }

    @Test
    void threads_that_each_rotate_what_they_got_never_branch_the_chain() {
        try (Race race = new Race()) {
            for (int round = 1; round <= rounds(20); round++) {
                Session session = api.newSession();
                List<List<Answer>> answers =
                        race.run(Collections.nCopies(4, () -> api.refreshChain(session.refreshToken(), 15)));

                assertThat(answers)
                        .as("round %d", round)
                        .allSatisfy(each -> assertThat(each).allMatch(answer -> answer.status() == 200));
                assertThat(Tokens.unrevoked(session.id())).as("round %d", round).isEqualTo(1);
                assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK")).isEmpty();
            }
        }
    }

    @Test
    void a_refresh_that_races_a_logout_leaves_no_live_token() {
        Session session = api.newSession();
        raceAgainst(session, token -> () -> api.logout(token), 204);
    }

    @Test
    void a_refresh_that_races_a_logout_everywhere_leaves_no_live_token() {
        Session session = api.newSession();
        raceAgainst(session, token -> () -> api.logoutAll(session.accessToken()), 204);
    }

    @Test
    void a_refresh_that_races_a_reuse_leaves_no_live_token() {
        Session session = api.newSession();
        Answer first = api.refresh(session.refreshToken());
        Session rotated = new Session(session.id(), session.user(), first.accessToken(), first.refreshToken());
        Tokens.age(session.id(), OUTSIDE_THE_WINDOW);
        raceAgainst(rotated, token -> () -> api.refresh(session.refreshToken()), 401);
        assertThat(Tokens.audit(session.id(), "TOKEN_REUSE_ATTACK")).hasSize(1);
    }

    private interface Ending {
        Callable<Answer> of(String token);
    }

    /** Three refresh while one ends the session, round after round with the session brought back to life. */
    private void raceAgainst(Session session, Ending ending, int endStatus) {
        String token = session.refreshToken();
        int refreshedFirst = 0;
        int rounds = rounds(500);
        try (Race race = new Race()) {
            for (int round = 1; round <= rounds; round++) {
                String presented = token;
                List<Callable<Answer>> runners = new ArrayList<>(Collections.nCopies(3, () -> api.refresh(presented)));
                runners.add(round % 4, ending.of(presented));

                List<Answer> answers = race.run(runners);

                String answered = "round " + round + ": " + answers;
                Supplier<String> happened = () -> answered + " " + Tokens.rows(session.id());
                Answer end = answers.remove(round % 4);
                assertThat(end.status()).as(happened).isEqualTo(endStatus);
                assertThat(answers).as(happened).allMatch(answer -> answer.status() == 200 || answer.status() == 401);
                assertThat(Tokens.live(session.id())).as(happened).isZero();
                for (Answer answer : answers) {
                    String got = answer.status() == 200 ? answer.refreshToken() : presented;
                    assertThat(api.refresh(got).code()).as(happened).isEqualTo("token_revoked");
                    if (answer.status() == 200) {
                        token = got;
                    } else {
                        assertThat(answer.code()).as(happened).isEqualTo("token_revoked");
                    }
                }
                refreshedFirst += token.equals(presented) ? 0 : 1;
                revive(session.id());
            }
        }
        System.out.printf("%d rounds, a refresh came first in %d%n", rounds, refreshedFirst);
    }

    /** As if the session had not ended: a login for each round would cost a password hash each. */
    private static void revive(UUID session) {
        Db.update("""
                UPDATE login_sessions SET ended_at = NULL, end_reason = NULL,
                       user_epoch = (SELECT session_epoch FROM users WHERE id = user_id) WHERE id = ?
                """, session);
        Db.update("""
                UPDATE refresh_tokens SET revoked_at = NULL, revoked_reason = NULL WHERE family_id = ?
                AND generation = (SELECT max(generation) FROM refresh_tokens WHERE family_id = ?)
                """, session, session);
    }
}
