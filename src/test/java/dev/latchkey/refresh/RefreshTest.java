package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import io.quarkus.test.junit.QuarkusTest;
import org.junit.jupiter.api.Test;

@QuarkusTest
class RefreshTest {

    private final Api api = Api.underTest();

    @Test
    void a_live_token_is_swapped_for_its_successor() {
        Api.Session session = api.newSession();

        Answer answer = api.refresh(session.refreshToken());

        assertThat(answer.status()).isEqualTo(200);
    }
}
