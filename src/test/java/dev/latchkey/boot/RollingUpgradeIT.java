package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Waiting;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The next release brings a schema that this one works with: while it migrates, afterwards, and when an instance of this one
 * is started again on it.
 */
@Tag("slow")
class RollingUpgradeIT {

    private static final int CLIENTS = 8;
    private static final int REPLICAS = 2;

    /** All that a migration may do, so that the release before goes on (src/docs/OPERATIONS.md, "Upgrade"). */
    private static final String NEXT_RELEASE = """
            ALTER TABLE users ADD COLUMN locked_until timestamptz;
            ALTER TABLE login_sessions ADD COLUMN client text NOT NULL DEFAULT 'default';
            ALTER TABLE refresh_tokens ADD COLUMN bound_to text;
            ALTER TABLE audit_logs ADD COLUMN client text NOT NULL DEFAULT 'default';
            CREATE TABLE clients (id text PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now());
            CREATE INDEX ix_login_sessions_client ON login_sessions (client);
            CREATE FUNCTION end_client_sessions(of_client text) RETURNS integer LANGUAGE sql AS 'SELECT 0';
            INSERT INTO latchkey_schema_history (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success)
            SELECT max(installed_rank) + 1, '2', 'next release', 'SQL', 'V2__next_release.sql', 1, current_user, 1, true
            FROM latchkey_schema_history
            """;

    private final List<Packaged> replicas = new CopyOnWriteArrayList<>();
    private final List<Future<List<Answer>>> running = new ArrayList<>();
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicInteger refreshed = new AtomicInteger();

    @Test
    void no_refresh_fails_while_the_schema_is_migrated_and_instances_are_replaced_one_by_one() {
        try (Postgres postgres = Postgres.start();
                Race race = new Race()) {
            OneDatabase database = postgres.newDatabase();
            Map<String, String> settings = database.settings();
            for (int i = 0; i < REPLICAS; i++) {
                replicas.add(Packaged.start(settings));
            }
            for (int i = 0; i < CLIENTS; i++) {
                running.add(race.start(this::refreshUntilOver));
            }
            awaitRefreshes();

            database.execute(NEXT_RELEASE);
            awaitRefreshes();
            for (int i = 0; i < REPLICAS; i++) {
                Packaged old = replicas.set(i, Packaged.start(settings));
                awaitRefreshes();
                old.terminate();
                old.waitFor(Duration.ofSeconds(40));
                awaitRefreshes();
            }
            over.set(true);

            List<Answer> answers =
                    running.stream().flatMap(each -> Race.result(each).stream()).toList();
            assertThat(answers).hasSizeGreaterThan(1000);
            assertThat(answers).allSatisfy(answer -> assertThat(answer.status()).isEqualTo(200));
            assertThat(database.count("SELECT count(*) FROM refresh_tokens WHERE NOT revoked"))
                    .isEqualTo(CLIENTS);
            assertThat(database.count("SELECT count(*) FROM audit_logs WHERE event_type = 'TOKEN_REUSE_ATTACK'"))
                    .isZero();
        } finally {
            replicas.forEach(Packaged::close);
        }
    }

    private List<Answer> refreshUntilOver() {
        List<Answer> answers = new ArrayList<>();
        String token = replicas.get(0).api().newSession().refreshToken();
        for (int turn = 0; !over.get(); turn++) {
            Answer answer = refresh(token, turn);
            answers.add(answer);
            if (answer.status() != 200) {
                break;
            }
            token = answer.refreshToken();
            refreshed.incrementAndGet();
        }
        return answers;
    }

    /** Of one replica after the other, until one takes the call: as a proxy does it. */
    private Answer refresh(String token, int turn) {
        for (int attempt = 0; ; attempt++) {
            Api api = replicas.get((turn + attempt) % REPLICAS).api();
            try {
                return api.refresh(token);
            } catch (UncheckedIOException e) {
                if (attempt == REPLICAS) {
                    throw e;
                }
            }
        }
    }

    private void awaitRefreshes() {
        int before = refreshed.get();
        Waiting.until(() -> refreshed.get() > before + 200 || running.stream().anyMatch(Future::isDone));
        running.stream()
                .filter(Future::isDone)
                .forEach(each -> assertThat(Race.result(each)).isEmpty());
    }
}
