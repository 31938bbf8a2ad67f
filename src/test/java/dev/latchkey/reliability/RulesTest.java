package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.reliability.Call.Kind;
import dev.latchkey.reliability.Call.Outcome;
import dev.latchkey.reliability.Rules.Theft;
import dev.latchkey.reliability.Rules.Verdict;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Histories written by hand: what is possible must be believed, and what is not must be found. Times are seconds. */
class RulesTest {

    private static final int WINDOW = 10;

    private final Rules rules = new Rules(Duration.ofSeconds(WINDOW));
    private final List<Call> history = new ArrayList<>(
            List.of(new Call(Kind.LOGIN, -1, seconds(0), seconds(1), Outcome.DONE, null, token(0, 'a'))));

    @Test
    void a_chain_and_its_replays_are_believed() {
        granted(0, 2, 3, 1);
        granted(1, 4, 5, 2);
        granted(0, 6, 7, 2);
        Verdict verdict = judge();
        assertThat(verdict.violations()).isEmpty();
        assertThat(verdict.replays()).isEqualTo(1);
        assertThat(verdict.theft()).isEqualTo(Theft.NONE);
    }

    @Test
    void a_lost_answer_may_have_rotated_or_not() {
        open(0, 2, 3);
        granted(0, 4, 5, 1);
        open(1, 6, 7);
        granted(1, 8, 9, 2);
        assertThat(judge().violations()).isEmpty();
    }

    @Test
    void tabs_at_once_may_be_overtaken_by_each_other() {
        granted(0, 2, 8, 1);
        granted(1, 4, 5, 2); // somebody had the first answer already
        granted(0, 2, 9, 2);
        assertThat(judge().violations()).isEmpty();
    }

    @Test
    void two_tokens_of_one_generation_are_siblings() {
        granted(0, 2, 3, 1);
        history.add(new Call(Kind.REFRESH, 0, seconds(2), seconds(3), Outcome.DONE, null, token(1, 'b')));
        assertFound(Rules.SIBLINGS);
    }

    @Test
    void a_generation_that_nobody_asked_for_has_no_cause() {
        granted(0, 2, 3, 2);
        assertFound(Rules.WITHOUT_CAUSE);
    }

    @Test
    void the_same_token_is_no_answer() {
        granted(0, 2, 3, 0);
        assertFound(Rules.BACKWARDS);
    }

    @Test
    void an_answer_may_not_be_older_than_one_that_came_before() {
        granted(0, 2, 3, 1);
        granted(1, 4, 5, 2);
        granted(0, 6, 7, 1);
        assertFound(Rules.OLD_HEAD);
    }

    @Test
    void a_token_rotated_long_ago_must_be_refused() {
        granted(0, 2, 3, 1);
        granted(0, 3 + WINDOW + 1, 20, 1);
        assertFound(Rules.MISSED_REUSE);
    }

    @Test
    void a_thief_and_a_late_retry_are_refused_alike() {
        granted(0, 2, 3, 1);
        refused(0, 2 + WINDOW, 3 + WINDOW, "token_reused");
        refused(1, 20, 21, "token_revoked");
        Verdict verdict = judge();
        assertThat(verdict.violations()).isEmpty();
        assertThat(verdict.theft()).isEqualTo(Theft.CERTAIN);
    }

    @Test
    void nobody_is_a_thief_inside_the_window() {
        granted(0, 2, 3, 1);
        refused(0, 4, 5, "token_reused");
        assertFound(Rules.FALSE_THEFT);
    }

    @Test
    void a_session_is_not_stolen_twice() {
        granted(0, 2, 3, 1);
        refused(0, 20, 21, "token_reused");
        refused(0, 22, 23, "token_reused");
        assertFound(Rules.SECOND_THEFT);
    }

    @Test
    void an_end_needs_a_cause() {
        granted(0, 2, 3, 1);
        refused(1, 4, 5, "token_revoked");
        assertFound(Rules.ENDED_WITHOUT_CAUSE);
    }

    @Test
    void a_logout_is_a_cause_from_its_start_on_even_without_an_answer() {
        history.add(new Call(Kind.LOGOUT, 0, seconds(2), seconds(9), Outcome.LOST, null, null));
        refused(0, 3, 4, "token_revoked");
        assertThat(judge().violations()).isEmpty();
    }

    @Test
    void a_late_retry_that_was_lost_itself_is_a_cause_too() {
        granted(0, 2, 3, 1);
        open(0, 20, 21);
        refused(1, 22, 23, "token_revoked");
        Verdict verdict = judge();
        assertThat(verdict.violations()).isEmpty();
        assertThat(verdict.theft()).isEqualTo(Theft.POSSIBLE);
    }

    @Test
    void nothing_works_after_a_logout_was_answered() {
        history.add(new Call(Kind.LOGOUT, 0, seconds(2), seconds(3), Outcome.DONE, null, null));
        granted(0, 4, 5, 1);
        assertFound(Rules.ALIVE_AFTER_END);
    }

    @Test
    void an_access_token_does_not_work_after_a_logout_either() {
        history.add(new Call(Kind.LOGOUT_ALL, -1, seconds(2), seconds(3), Outcome.DONE, null, null));
        history.add(new Call(Kind.ME, -1, seconds(4), seconds(5), Outcome.DONE, null, null));
        assertFound(Rules.ALIVE_AFTER_END);
    }

    @Test
    void another_session_may_log_out_everywhere_when_this_one_has_ended() {
        history.add(new Call(Kind.LOGOUT, 0, seconds(2), seconds(3), Outcome.DONE, null, null));
        Call everywhere = new Call(Kind.LOGOUT_ALL, -1, seconds(4), seconds(5), Outcome.DONE, null, null);
        history.add(everywhere.elsewhere());
        assertThat(judge().violations()).isEmpty();
        history.add(everywhere);
        assertFound(Rules.ALIVE_AFTER_END);
    }

    @Test
    void a_refresh_that_races_a_logout_may_go_either_way() {
        history.add(new Call(Kind.LOGOUT, 0, seconds(2), seconds(5), Outcome.DONE, null, null));
        granted(0, 3, 6, 1);
        refused(1, 7, 8, "token_revoked");
        assertThat(judge().violations()).isEmpty();
    }

    @Test
    void a_logout_with_a_token_of_long_ago_is_a_theft_for_the_audit_log() {
        granted(0, 2, 3, 1);
        history.add(new Call(Kind.LOGOUT, 0, seconds(20), seconds(21), Outcome.DONE, null, null));
        assertThat(judge().theft()).isEqualTo(Theft.CERTAIN);
    }

    @Test
    void no_token_expires_or_becomes_unknown_here() {
        refused(0, 2, 3, "token_expired");
        assertFound(Rules.UNEXPECTED);
    }

    private void granted(int presented, int start, int end, int brought) {
        history.add(new Call(
                Kind.REFRESH, presented, seconds(start), seconds(end), Outcome.DONE, null, token(brought, 'a')));
    }

    private void refused(int presented, int start, int end, String code) {
        history.add(new Call(Kind.REFRESH, presented, seconds(start), seconds(end), Outcome.REFUSED, code, null));
    }

    private void open(int presented, int start, int end) {
        history.add(new Call(Kind.REFRESH, presented, seconds(start), seconds(end), Outcome.LOST, null, null));
    }

    private Verdict judge() {
        return rules.judge(history);
    }

    private void assertFound(String rule) {
        assertThat(judge().violations()).isNotEmpty().allMatch(violation -> violation.startsWith(rule));
    }

    private static long seconds(int seconds) {
        return Duration.ofSeconds(seconds).toNanos();
    }

    private static String token(int generation, char secret) {
        byte[] bytes = ByteBuffer.allocate(69)
                .putInt(17, generation)
                .put(30, (byte) secret)
                .array();
        return "lk_" + Base64.getUrlEncoder().encodeToString(bytes);
    }
}
