package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.reliability.Clients.Report;
import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Settings;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A primary and a standby that confirms each commit; the primary dies, the standby takes over, the service finds it by itself. */
@Tag("faults")
class FailoverIT {

    @Test
    void nothing_is_lost_when_the_primary_dies_and_its_standby_takes_over() {
        Deque<Cluster> clusters = new ArrayDeque<>(); // the primary, its standby
        try {
            clusters.add(Cluster.start());
            OneDatabase database = clusters.getFirst().newDatabase();
            clusters.add(clusters.getFirst().standby(Settings.freePort()));
            try (Packaged packaged = Packaged.start(settings(clusters, database));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                AtomicInteger free = new AtomicInteger();
                Faults.again(
                        clients,
                        time -> {
                            Cluster dead = clusters.removeFirst();
                            Cluster next = clusters.getFirst();
                            if (time % 2 == 1) { // commits wait for it, until they are given up: not as done
                                next.stopImmediately();
                                Faults.pause(Faults.LONG);
                            }
                            dead.kill();
                            next.startAgain();
                            next.promote();
                            free.set(dead.port());
                            dead.close();
                        },
                        // in the dead one's place, so that the service knows where to find it
                        () -> clusters.add(clusters.getFirst().standby(free.get())));
                Report report = Faults.assertNothingLost(
                        "failover to a synchronous standby",
                        clients,
                        clusters.getFirst().database(database.name()));
                assertThat(report.later()).isPositive();
            }
        } finally {
            clusters.forEach(Cluster::close);
        }
    }

    private static Map<String, String> settings(Deque<Cluster> clusters, OneDatabase database) {
        return Faults.settings(
                database,
                "DB_URL",
                "jdbc:postgresql://127.0.0.1:%d,127.0.0.1:%d/%s?targetServerType=primary"
                        .formatted(
                                clusters.getFirst().port(), clusters.getLast().port(), database.name()));
    }
}
