package dev.latchkey.reliability;

import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("faults")
class KilledPostgresIT {

    @Test
    void nothing_is_lost_when_postgresql_is_killed_and_recovers_from_its_log() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Packaged packaged = Packaged.start(Faults.settings(database));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> {
                    if (time % 2 == 0) {
                        postgres.kill();
                    } else {
                        postgres.stopImmediately();
                    }
                    postgres.startAgain();
                });
                Faults.assertNothingLost("`kill -9` or immediate stop of PostgreSQL", clients, database);
            }
        }
    }
}
