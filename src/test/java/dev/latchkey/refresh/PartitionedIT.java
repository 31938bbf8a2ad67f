package dev.latchkey.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The service on a {@code refresh_tokens} that is partitioned by the session, as src/docs/SCALING.md offers. */
@Tag("slow")
class PartitionedIT {

    private static final Path SCRIPT = Path.of("src/bench/partitioned.sql");

    @Test
    void sessions_from_before_and_new_ones_are_refreshed_reused_and_ended() throws IOException {
        try (Postgres postgres = Postgres.start()) {
            OneDatabase database = postgres.database();
            Map<String, String> settings = database.settings();
            Session before;
            try (Packaged packaged = Packaged.start(settings)) {
                before = packaged.api().newSession();
            }
            database.execute(script());

            try (Packaged packaged = Packaged.start(settings);
                    Race race = new Race()) {
                Api api = packaged.api();
                assertThat(api.refresh(before.refreshToken()).status()).isEqualTo(200);
                Api.User user = api.newUser();
                List<Callable<List<Answer>>> chains = new ArrayList<>();
                for (int i = 0; i < 16; i++) {
                    Session session = api.logIn(user);
                    chains.add(() -> api.refreshChain(session.refreshToken(), 20));
                }
                assertThat(race.run(chains))
                        .allSatisfy(answers -> assertThat(answers).allMatch(answer -> answer.status() == 200));
                assertThat(database.count("SELECT count(DISTINCT tableoid) FROM refresh_tokens"))
                        .isGreaterThan(1);
                assertThat(database.count("SELECT count(*) FROM refresh_tokens"))
                        .isEqualTo(2 + 16 * 21);

                Session session = api.newSession();
                List<Answer> answers = race.run(Collections.nCopies(16, () -> api.refresh(session.refreshToken())));
                assertThat(answers).allMatch(answer -> answer.status() == 200);
                assertThat(answers.stream().map(Answer::refreshToken).distinct())
                        .hasSize(1);
                database.update(
                        "UPDATE refresh_tokens SET revoked_at = revoked_at - interval '1 hour' WHERE family_id = ? AND revoked",
                        session.id());
                assertThat(api.refresh(session.refreshToken()).code()).isEqualTo("token_reused");
                assertThat(api.refresh(answers.get(0).refreshToken()).code()).isEqualTo("token_revoked");
                Session last = api.newSession();
                assertThat(api.logout(last.refreshToken()).status()).isEqualTo(204);
                assertThat(api.refresh(last.refreshToken()).code()).isEqualTo("token_revoked");
                assertThat(packaged.output()).doesNotContain("\"level\":\"ERROR\"");
            }
        }
    }

    /** What is left of the script without what only psql understands. */
    private static String script() throws IOException {
        String block = Files.readString(SCRIPT);
        return "SELECT set_config('latchkey.partitions', '4', false);"
                + block.substring(block.indexOf("DO $partition$"));
    }
}
