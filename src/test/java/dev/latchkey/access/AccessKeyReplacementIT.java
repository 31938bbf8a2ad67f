package dev.latchkey.access;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Replacement;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code JWT_ACCESS_SECRET} is replaced in three deployments without refusing a request, as {@code JWT_REFRESH_SECRET} is. */
@Tag("slow")
class AccessKeyReplacementIT {

    private static Postgres postgres;
    private static Replacement replacement;
    private static Packaged before;
    private static Packaged accepting;
    private static Packaged swapped;
    private static Packaged after;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        replacement = Replacement.of("JWT_ACCESS_SECRET", postgres.database());
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
    void access_tokens_of_the_step_before_and_the_step_after_are_accepted_in_each_step() {
        for (List<Packaged> deployment :
                List.of(List.of(before, accepting), List.of(accepting, swapped), List.of(swapped, after))) {
            for (Packaged issuer : deployment) {
                Api.Session session = issuer.api().newSession();
                for (Packaged checker : deployment) {
                    Answer me = checker.api().me(session.accessToken());
                    assertThat(me.status()).as(me.toString()).isEqualTo(200);
                    assertThat(me.json().getString("id"))
                            .isEqualTo(session.user().toString());
                }
            }
        }
    }

    @Test
    void a_secret_that_was_removed_is_accepted_no_longer_and_a_refresh_helps() {
        Api.Session session = before.api().newSession();

        Answer me = after.api().me(session.accessToken());

        assertThat(me.status()).isEqualTo(401);
        assertThat(me.code()).isEqualTo("access_token_invalid");
        Answer refreshed = after.api().refresh(session.refreshToken());
        assertThat(after.api().me(refreshed.accessToken()).status()).isEqualTo(200);
    }
}
