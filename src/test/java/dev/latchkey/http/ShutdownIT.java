package dev.latchkey.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Waiting;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** A replica that is told to stop answers what it has begun. */
class ShutdownIT {

    private static final int LOGINS = 4;
    private static final int REFRESHES = 4;

    private static final String WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";

    @Test
    void logins_and_refreshes_in_flight_are_answered_before_the_end() throws Exception {
        try (Postgres postgres = Postgres.start();
                Packaged packaged = Packaged.start(postgres.database().settings("PASSWORD_HASH_CONCURRENCY", "1"));
                Race race = new Race()) {
            OneDatabase database = postgres.database();
            Api.User user = packaged.api().newUser();
            List<Api.Session> sessions = new ArrayList<>();
            for (int i = 0; i < REFRESHES; i++) {
                sessions.add(packaged.api().logIn(user));
            }
            List<Future<Answer>> running = new ArrayList<>();

            try (Connection holding = Db.connect(database.url())) {
                holding.setAutoCommit(false);
                Db.update(holding, "LOCK TABLE refresh_tokens IN SHARE MODE");
                for (Api.Session session : sessions) {
                    running.add(race.start(() -> packaged.api().refresh(session.refreshToken())));
                }
                running.add(race.start(() -> packaged.api().login(user.email(), Api.PASSWORD)));
                // the login, and the refreshes in one group or two
                Waiting.until(() -> database.count(WAITING) >= 2 && active(packaged) >= REFRESHES + 1);
                for (int i = 0; i < LOGINS; i++) { // one is hashed while the others wait for it
                    running.add(race.start(() -> packaged.api().login(user.email(), Api.PASSWORD)));
                }
                Waiting.until(() -> active(packaged) >= REFRESHES + 1 + LOGINS);
                packaged.terminate();
                Waiting.until(() -> packaged.output().contains("Waiting for HTTP requests to complete"));
            }

            for (Future<Answer> one : running) {
                Answer answer = Race.result(one);
                assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
            }
            packaged.waitFor(Duration.ofSeconds(20));
        }
    }

    /** Requests that have begun and have no answer yet. */
    private static double active(Packaged packaged) {
        String line = "http_server_active_requests{server_port=\"" + packaged.port() + "\"";
        return Management.metric(packaged.management(), line);
    }
}
