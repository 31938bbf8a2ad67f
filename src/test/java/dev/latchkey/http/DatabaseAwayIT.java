package dev.latchkey.http;

import static dev.latchkey.testing.Management.metric;
import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Settings;
import dev.latchkey.testing.Waiting;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The database goes away under the running service and comes back. */
@Tag("slow")
class DatabaseAwayIT {

    private static final int CLIENTS = 8;
    private static final int BLOWS = 5;

    private static final String CUT = """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            """;

    @TempDir
    private Path data;

    @Test
    void the_service_says_try_again_while_its_database_is_away_and_recovers_by_itself() throws IOException {
        EmbeddedPostgres.Builder server = EmbeddedPostgres.builder()
                .setPort(Settings.freePort())
                .setDataDirectory(data)
                .setCleanDataDirectory(false);
        Postgres postgres = Postgres.start(server);
        try (Packaged packaged = Packaged.start(postgres.database().settings());
                Race race = new Race()) {
            Api.Session session = packaged.api().newSession();
            postgres.close();

            Instant asked = Instant.now();
            List<Answer> answers = race.run(List.of(
                    () -> packaged.api().refresh(session.refreshToken()),
                    () -> packaged.api().login("ada@example.org", Api.PASSWORD),
                    () -> packaged.api().me(session.accessToken()),
                    () -> packaged.api().logout(session.refreshToken())));
            assertThat(Duration.between(asked, Instant.now())).isLessThan(Duration.ofSeconds(8));
            assertThat(answers).allSatisfy(DatabaseAwayIT::assertUnavailable);
            assertThat(packaged.api().refresh("lk_nothing").code()).isEqualTo("token_invalid");
            assertThat(health(packaged, "ready").status()).isEqualTo(503);
            assertThat(health(packaged, "live").status()).isEqualTo(200);
            Waiting.until(Duration.ofSeconds(15), () -> metric(packaged.management(), "latchkey_ready ") == 0);
            assertThat(packaged.output()).doesNotContain("\tat ").doesNotContain("\\tat ");

            postgres = Postgres.start(server);
            Waiting.until(Duration.ofSeconds(5), () -> health(packaged, "ready").status() == 200);
            Waiting.until(Duration.ofSeconds(15), () -> metric(packaged.management(), "latchkey_ready ") == 1);
            Answer refreshed = packaged.api().refresh(session.refreshToken());
            assertThat(refreshed.status()).as(refreshed.toString()).isEqualTo(200);
            assertThat(packaged.api().refresh(refreshed.refreshToken()).status())
                    .isEqualTo(200);
        } finally {
            postgres.close();
        }
    }

    @Test
    void connections_that_are_cut_in_the_middle_of_refreshes_reach_no_client() {
        try (Postgres postgres = Postgres.start();
                Packaged packaged = Packaged.start(postgres.database().settings());
                Race race = new Race()) {
            Api.User user = packaged.api().newUser();
            AtomicBoolean over = new AtomicBoolean();
            List<Callable<List<Answer>>> runners = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                Api.Session session = packaged.api().logIn(user);
                runners.add(() -> refreshUntil(over, packaged.api(), session.refreshToken()));
            }
            runners.add(() -> {
                for (int i = 0; i < BLOWS; i++) {
                    long rotations = rotations(postgres);
                    Waiting.until(() -> rotations(postgres) > rotations + 5 * CLIENTS);
                    assertThat(postgres.database().count(CUT)).isPositive();
                }
                over.set(true);
                return List.of();
            });

            List<Answer> answers =
                    race.run(runners).stream().flatMap(List::stream).toList();

            assertThat(answers).hasSizeGreaterThan(BLOWS * CLIENTS);
            assertThat(answers).allSatisfy(answer -> assertThat(answer.status()).isEqualTo(200));
            assertThat(postgres.database().count("SELECT count(*) FROM refresh_tokens WHERE NOT revoked"))
                    .isEqualTo(CLIENTS);
        }
    }

    private static long rotations(Postgres postgres) {
        return postgres.database().count("SELECT count(*) FROM refresh_tokens WHERE revoked");
    }

    private static List<Answer> refreshUntil(AtomicBoolean over, Api api, String first) {
        List<Answer> answers = new ArrayList<>();
        String token = first;
        while (!over.get()) {
            Answer answer = api.refresh(token);
            answers.add(answer);
            if (answer.status() != 200) {
                break;
            }
            token = answer.refreshToken();
        }
        return answers;
    }

    private static void assertUnavailable(Answer answer) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(503);
        assertThat(answer.code()).isEqualTo("temporarily_unavailable");
        assertThat(answer.header("Retry-After")).isEqualTo("1");
        assertThat(answer.header("Content-Type")).startsWith("application/problem+json");
    }

    private static Answer health(Packaged packaged, String which) {
        return packaged.management().send(packaged.management().request("/q/health/" + which));
    }
}
