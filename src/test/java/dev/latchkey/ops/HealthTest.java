package dev.latchkey.ops;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Management;
import io.quarkus.test.junit.QuarkusTest;
import java.util.List;
import org.junit.jupiter.api.Test;

@QuarkusTest
class HealthTest {

    @Test
    void it_is_started_live_and_ready() {
        for (String probe : List.of("started", "live", "ready")) {
            Answer answer = health(probe);
            assertThat(answer.status()).as(probe).isEqualTo(200);
            assertThat(answer.json().getString("status")).isEqualTo("UP");
        }
    }

    /** A database that is away makes it unready; killing the process would not bring the database back. */
    @Test
    void readiness_asks_the_database_and_liveness_does_not() {
        assertThat(health("ready").json().getJsonArray("checks").encode()).contains("Database");
        assertThat(health("live").json().getJsonArray("checks")).isEmpty();
    }

    private static Answer health(String probe) {
        return Management.api().send(Management.api().request("/q/health/" + probe));
    }
}
