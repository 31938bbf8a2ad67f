package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Two replicas, one of which is ten minutes ahead; each call goes to either. */
@Tag("faults")
class ClocksIT {

    private static final int AHEAD_SECONDS = 600;

    @Test
    void replicas_whose_clocks_differ_agree_about_every_token() throws IOException {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            Map<String, String> settings = Faults.settings(database);
            try (Packaged right = Packaged.start(settings);
                    Packaged ahead = Packaged.start(ahead(settings))) {
                assertDifferent(right, ahead);
                try (Clients clients = Clients.start(List.of(right.base(), ahead.base()), Faults.RETRY_WINDOW)) {
                    clients.rotate(Faults.rotations());
                    Faults.assertNothingLost("clocks that differ by ten minutes", clients, database);
                }
            }
        }
    }

    private static void assertDifferent(Packaged right, Packaged ahead) {
        assertThat(clock(ahead) - clock(right))
                .as("how far it is ahead")
                .isBetween(AHEAD_SECONDS - 30.0, AHEAD_SECONDS + 30.0);
        Api.Session session = ahead.api().newSession();
        Answer answer = ahead.api().refresh(session.refreshToken());
        long issued = Answer.part(answer.accessToken(), 1).getLong("iat");
        assertThat(Instant.now().getEpochSecond() - issued)
                .as("issued at the database's time")
                .isBetween(0L, 5L);
    }

    /** When it started, by its own clock. */
    private static double clock(Packaged packaged) {
        return Management.metric(packaged.management(), "process_start_time_seconds");
    }

    private static Map<String, String> ahead(Map<String, String> settings) throws IOException {
        Map<String, String> ahead = new HashMap<>(settings);
        ahead.put("LD_PRELOAD", library());
        ahead.put("FAKETIME", "+" + AHEAD_SECONDS + "s");
        return ahead;
    }

    private static String library() throws IOException {
        try (Stream<Path> all = Files.walk(Path.of("/usr/lib"), 3)) {
            return all.filter(path -> path.endsWith("faketime/libfaketimeMT.so.1"))
                    .findFirst()
                    .orElseThrow(() -> new IllegalStateException("this test needs Debian's package faketime"))
                    .toString();
        }
    }
}
