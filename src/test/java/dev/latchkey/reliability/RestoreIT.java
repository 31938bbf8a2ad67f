package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Waiting;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The database is put back to a backup under running clients. What happened since is forgotten: rotations, logins, logouts.
 * The backup is older than the retry window, so that nothing is a replay by chance.
 */
@Tag("faults")
class RestoreIT {

    private static final int CLIENTS = 16;
    private static final Duration AGE = Faults.RETRY_WINDOW.plusSeconds(2);
    private static final String END_ALL = "SELECT end_all_sessions()";
    private static final String EVENTS = "SELECT count(*) FROM audit_logs WHERE event_type = ?";

    @Test
    void after_a_restore_nobody_is_taken_for_a_thief() {
        Deque<Cluster> clusters = new ArrayDeque<>(List.of(Cluster.start()));
        try {
            OneDatabase database = clusters.getFirst().newDatabase();
            try (Packaged packaged = Packaged.start(Faults.settings(database));
                    Race race = new Race()) {
                AtomicBoolean over = new AtomicBoolean();
                LongAdder refreshes = new LongAdder();
                List<Future<Map<String, Integer>>> clients = Stream.generate(
                                () -> race.start(() -> use(packaged.api(), refreshes, over)))
                        .limit(CLIENTS)
                        .toList();
                int times = 0;
                do {
                    putBack(clusters, database, packaged.api(), refreshes);
                    times++;
                } while (refreshes.sum() < Faults.rotations());
                over.set(true);
                Map<String, Integer> seen = new TreeMap<>();
                clients.forEach(
                        client -> Race.result(client).forEach((what, count) -> seen.merge(what, count, Integer::sum)));
                System.out.printf("restored %d times, %d refreshes: %s%n", times, refreshes.sum(), seen);
                assertThat(seen)
                        .containsKeys("200", "token_unknown", "token_revoked")
                        .doesNotContainKey("token_reused");
            }
        } finally {
            clusters.forEach(Cluster::close);
        }
    }

    private static void putBack(Deque<Cluster> clusters, OneDatabase database, Api api, LongAdder refreshes) {
        Api.Session idle = api.newSession();
        Api.Session loggedOut = api.newSession();
        Api.Session refreshed = api.newSession();
        long goal = refreshes.sum() + 100 * CLIENTS;
        Waiting.until(() -> refreshes.sum() >= goal);
        clusters.addFirst(clusters.getFirst().backup());
        Api.Session begunSince = api.newSession();
        String newest = api.refresh(refreshed.refreshToken()).refreshToken();
        assertThat(api.logout(loggedOut.refreshToken()).status()).isEqualTo(204);
        Faults.pause(AGE);

        clusters.getLast().stopImmediately();
        clusters.removeLast().close();
        clusters.getFirst().startAgain();
        Faults.pause(Clients.RECOVERY);

        assertRefused(api.refresh(begunSince.refreshToken()), "token_revoked"); // it left no row
        assertRefused(api.refresh(newest), "token_unknown");
        assertThat(database.count(EVENTS, "TOKEN_UNKNOWN")).isPositive();
        Answer untouched = api.refresh(idle.refreshToken());
        assertThat(untouched.status()).isEqualTo(200);
        Answer revived = api.refresh(loggedOut.refreshToken()); // and so this is why all sessions are to be ended
        assertThat(revived.status()).isEqualTo(200);

        assertThat(database.count(END_ALL)).isPositive();
        assertRefused(api.refresh(untouched.refreshToken()), "token_revoked");
        assertRefused(api.refresh(revived.refreshToken()), "token_revoked");
        assertThat(api.refreshChain(api.newSession().refreshToken(), 3)).allMatch(answer -> answer.status() == 200);
        assertThat(database.count(EVENTS, "TOKEN_REUSE_ATTACK")).isZero();
    }

    /** Refreshes, and logs in again after each 401, as an application does; counts what it was told. */
    private static Map<String, Integer> use(Api api, LongAdder refreshes, AtomicBoolean over) {
        Map<String, Integer> seen = new TreeMap<>();
        Api.User user = api.newUser();
        String token = "";
        while (!over.get()) {
            try {
                Answer answer = token.isEmpty() ? api.login(user.email(), Api.PASSWORD) : api.refresh(token);
                String what = answer.status() == 200 ? "200" : answer.code();
                seen.merge(what, 1, Integer::sum);
                if (answer.status() == 200) {
                    refreshes.add(token.isEmpty() ? 0 : 1);
                    token = answer.refreshToken();
                } else if (answer.status() == 401 && token.isEmpty()) {
                    user = api.newUser(); // the restored database does not know this one yet
                } else if (answer.status() == 401) {
                    token = "";
                } else {
                    Faults.pause(Duration.ofMillis(100));
                }
            } catch (UncheckedIOException e) {
                seen.merge("no answer", 1, Integer::sum);
            }
        }
        return seen;
    }

    private static void assertRefused(Answer answer, String code) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(401);
        assertThat(answer.code()).isEqualTo(code);
    }
}
