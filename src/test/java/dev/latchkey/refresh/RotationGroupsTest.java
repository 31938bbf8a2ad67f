package dev.latchkey.refresh;

import static dev.latchkey.testing.Management.metric;
import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Api.User;
import dev.latchkey.testing.Hold;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Tokens;
import io.quarkus.test.junit.QuarkusTest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Refreshes of different sessions at the same moment. */
@QuarkusTest
class RotationGroupsTest {

    private static final String SIZE = "latchkey_rotation_group_size";

    private final Api api = Api.underTest();

    @Test
    void refreshes_that_come_at_once_share_statements_and_each_gets_its_own_answer() {
        User user = api.newUser();
        List<Callable<List<Answer>>> chains = new ArrayList<>();
        List<Session> sessions = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            Session session = api.logIn(user);
            sessions.add(session);
            chains.add(() -> api.refreshChain(session.refreshToken(), 25));
        }
        double groups = metric(SIZE + "_count");
        double rotations = metric(SIZE + "_sum");

        List<List<Answer>> answers;
        try (Race race = new Race()) {
            answers = race.run(chains);
        }

        for (int i = 0; i < 16; i++) {
            String id = sessions.get(i).id().toString();
            assertThat(answers.get(i))
                    .allMatch(answer -> answer.status() == 200)
                    .allMatch(answer -> answer.json().getString("session_id").equals(id));
            assertThat(Tokens.rows(sessions.get(i).id())).hasSize(26);
            assertThat(Tokens.unrevoked(sessions.get(i).id())).isEqualTo(1);
        }
        double grouped = metric(SIZE + "_sum") - rotations;
        double sent = metric(SIZE + "_count") - groups;
        System.out.printf("400 rotations, %.0f of them in %.0f groups%n", grouped, sent);
        assertThat(grouped).isBetween(1.0, 400.0);
        assertThat(sent).isLessThan(grouped);
    }

    @Test
    void a_group_that_is_stuck_stops_nobody_else() throws Exception {
        Session stuck = api.newSession();
        Session other = api.newSession();
        try (Race race = new Race();
                Hold hold = Hold.rotationBeforeItInserts(stuck.id())) {
            Future<Answer> late = race.start(() -> api.refresh(stuck.refreshToken()));
            hold.untilHeld();

            assertThat(api.refreshChain(other.refreshToken(), 5)).allMatch(answer -> answer.status() == 200);

            assertThat(late).isNotDone();
            hold.release();
            assertThat(Race.result(late).status()).isEqualTo(200);
        }
    }
}
