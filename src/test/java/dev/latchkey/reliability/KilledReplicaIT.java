package dev.latchkey.reliability;

import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.OneDatabase;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Three replicas behind nginx, which asks the next one: so the answer to a request that was done may be lost on the way. */
@Tag("faults")
class KilledReplicaIT {

    @Test
    void nothing_is_lost_when_a_replica_is_killed() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Replicas replicas = Replicas.start(3, Faults.settings(database));
                    Nginx nginx = new Nginx(replicas.ports());
                    Clients clients = Clients.start(List.of(nginx.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> {
                    replicas.kill(time % 3);
                    Faults.pause(Duration.ofMillis(500));
                    replicas.startAgain(time % 3);
                });
                Faults.assertNothingLost("`kill -9` of one of three replicas", clients, database);
            }
        }
    }
}
