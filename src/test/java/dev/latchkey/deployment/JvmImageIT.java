package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The image with a JVM, built as its Dockerfile says and run as confined as the manifests want it. */
@Tag("images")
class JvmImageIT {

    @Test
    void does_its_job_on_a_read_only_root_without_capabilities_in_256_MiB() {
        String image = Containers.build("Dockerfile.jvm", "JDK");

        try (Postgres postgres = Postgres.start();
                Container container = Container.start(image, settings(postgres))) {
            MainJob.drive(container.api());
            refresh(container.api());

            assertThat(container.ownMebibytes()).isLessThan(240);
            assertThat(container.stop()).isIn(0, 143); // 128 and the signal
            // JSON and nothing else: no JVM that complains about its options, its cache or a file that it can't write
            assertThat(container.output().lines())
                    .isNotEmpty()
                    .allMatch(line -> line.startsWith("{"))
                    .noneMatch(line -> line.contains("\"level\":\"ERROR\""))
                    .filteredOn(line -> line.contains("\"level\":\"WARN\""))
                    // the embedded database's, and those of a busy machine
                    .allMatch(line -> line.contains("synchronous_commit") || line.contains("BlockedThreadChecker"));
        }
    }

    private static Map<String, String> settings(Postgres postgres) {
        Map<String, String> settings = new HashMap<>(postgres.database().settings());
        settings.put("PASSWORD_HASH_CONCURRENCY", "2"); // the most that fits
        return settings;
    }

    /** So many at once, and so often, that all is compiled and every buffer was used. */
    private static void refresh(Api api) {
        Callable<List<Answer>> client = () -> api.refreshChain(api.newSession().refreshToken(), 1_000);
        try (Race race = new Race()) {
            assertThat(race.run(Collections.nCopies(16, client)))
                    .allSatisfy(answers -> assertThat(answers).allMatch(answer -> answer.status() == 200));
        }
    }
}
