package dev.latchkey.token;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.audit.Client;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Tokens;
import dev.latchkey.token.RefreshTokens.Swap;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A rotation that was committed, but whose answer was lost between database and service, and is tried again. */
@QuarkusTest
class OwnRotationTest {

    private static final Client CLIENT = new Client("127.0.0.1", "test");

    private final Api api = Api.underTest();

    @Inject
    TokenFormat format;

    @Inject
    RefreshTokens tokens;

    @Test
    void it_is_known_by_the_successors_id_however_late_and_never_taken_for_theft() {
        Session session = api.newSession();
        Token presented = format.read(session.refreshToken()).token().orElseThrow();
        UUID successorId = UUID.randomUUID();
        Token successor = format.next(presented, successorId);
        Swap swap = new Swap(presented, successor, successorId, CLIENT);
        assertThat(tokens.rotate(swap)).isPresent();
        Tokens.age(session.id(), 3600);

        assertThat(tokens.rotate(swap)).isEmpty();
        RefreshTokens.Look own = tokens.look(presented, successorId).orElseThrow();
        RefreshTokens.Look another = tokens.look(presented, UUID.randomUUID()).orElseThrow();

        assertThat(own.standing()).isEqualTo(Standing.REPLAYED);
        assertThat(format.next(presented, own.path().get(0)).orElseThrow().text())
                .isEqualTo(successor.text());
        assertThat(another.standing()).isEqualTo(Standing.REUSED);
    }
}
