package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.OneDatabase;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Replicas are replaced one by one, as in every deployment. That each answers what it has begun, {@code ShutdownIT} shows. */
@Tag("faults")
class RollingRestartIT {

    private static final int REPLICAS = 3;
    private static final int SIGTERM = 128 + 15;

    @Test
    void no_request_fails_while_replicas_are_stopped_and_started_one_by_one() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Replicas replicas = Replicas.start(REPLICAS, Faults.settings(database));
                    Nginx nginx = new Nginx(replicas.ports());
                    Clients clients = Clients.start(List.of(nginx.base()), Faults.RETRY_WINDOW)) {
                for (int time = 0; time < REPLICAS || clients.rotations() < Faults.rotations(); time++) {
                    clients.rotate(Math.min(Faults.rotations() / 10, 2000));
                    assertThat(replicas.stop(time % REPLICAS)).isIn(0, SIGTERM);
                    replicas.startAgain(time % REPLICAS);
                }
                Faults.assertNothingLost("SIGTERM of one replica after the other", clients, database);
            }
        }
    }
}
