package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.audit.Client;
import dev.latchkey.database.DatabaseException;
import dev.latchkey.refresh.Rotation.Grant;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Api.User;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.Vertx;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A rotation that PostgreSQL refuses, among others: over HTTP there is none, since what a client sends is cleaned first. */
@QuarkusTest
class FaultyNeighbourTest {

    private static final Client SOUND = new Client("192.0.2.7", "a browser");
    private static final Client NOT_STORABLE = new Client("192.0.2.7", "\0");

    private final Api api = Api.underTest();

    @Inject
    RotateToken rotateToken;

    @Inject
    Vertx vertx;

    @Test
    void it_fails_alone() {
        User user = api.newUser();
        List<Session> sessions = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            sessions.add(api.logIn(user));
        }
        for (int faulty = 0; faulty < 12; faulty++) {
            List<CompletableFuture<Rotation>> answers = refreshAll(sessions, faulty);

            for (int i = 0; i < 12; i++) {
                CompletableFuture<Rotation> answer = answers.get(i);
                if (i == faulty) {
                    assertThat(answer)
                            .failsWithin(10, TimeUnit.SECONDS)
                            .withThrowableThat()
                            .withCauseInstanceOf(DatabaseException.class);
                    continue;
                }
                assertThat(answer).as("faulty: %d", faulty).succeedsWithin(10, TimeUnit.SECONDS);
                Grant grant = (Grant) answer.join();
                assertThat(grant.replayed()).isFalse();
                Session old = sessions.get(i);
                sessions.set(
                        i, new Session(old.id(), old.user(), null, grant.token().text()));
            }
        }
    }

    /** In one turn of the event loop, so that most of them wait together. */
    private List<CompletableFuture<Rotation>> refreshAll(List<Session> sessions, int faulty) {
        List<CompletableFuture<Rotation>> answers = new ArrayList<>();
        sessions.forEach(session -> answers.add(new CompletableFuture<>()));
        vertx.getOrCreateContext().runOnContext(turn -> {
            for (int i = 0; i < sessions.size(); i++) {
                CompletableFuture<Rotation> answer = answers.get(i);
                rotateToken
                        .rotate(sessions.get(i).refreshToken(), i == faulty ? NOT_STORABLE : SOUND)
                        .whenComplete((rotation, failure) -> {
                            if (failure != null) {
                                answer.completeExceptionally(failure);
                            } else {
                                answer.complete(rotation);
                            }
                        });
            }
        });
        return answers;
    }
}
