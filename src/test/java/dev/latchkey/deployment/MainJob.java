package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;

/** What Latchkey is for, once through: register, log in, refresh, lose the answer, log out. */
final class MainJob {

    private MainJob() {}

    static void drive(Api api) {
        Api.Session session = api.newSession();
        assertThat(api.me(session.accessToken()).status()).isEqualTo(200);

        Answer rotated = api.refresh(session.refreshToken());
        assertThat(rotated.status()).isEqualTo(200);
        assertThat(rotated.refreshToken()).isNotEqualTo(session.refreshToken());
        Answer replayed = api.refresh(session.refreshToken());
        assertThat(replayed.refreshToken()).isEqualTo(rotated.refreshToken());
        assertThat(api.refreshChain(rotated.refreshToken(), 100)).allMatch(answer -> answer.status() == 200);

        assertThat(api.logout(replayed.refreshToken()).status()).isEqualTo(204);
        assertThat(api.refresh(replayed.refreshToken()).code()).isEqualTo("token_revoked");
        assertThat(api.me(session.accessToken()).code()).isEqualTo("session_ended");
    }
}
