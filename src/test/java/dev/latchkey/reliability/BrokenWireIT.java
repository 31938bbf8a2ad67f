package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.reliability.Clients.Report;
import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Wire;
import dev.latchkey.testing.Wire.State;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The network delays, swallows and breaks, on either side of the service. */
@Tag("faults")
class BrokenWireIT {

    @Test
    void nothing_is_lost_when_the_network_between_service_and_database_is_bad() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Wire wire = Wire.to(postgres.port());
                    Packaged packaged = Packaged.start(settings(database, wire));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> disturb(wire, time));
                Report report = Faults.assertNothingLost("network between service and database", clients, database);
                assertThat(report.later()).isPositive();
            }
        }
    }

    @Test
    void nothing_is_lost_when_the_network_between_clients_and_service_is_bad() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Packaged packaged = Packaged.start(Faults.settings(database));
                    Wire wire = Wire.to(packaged.port());
                    Clients clients = Clients.start(List.of("http://127.0.0.1:" + wire.port()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> disturb(wire, time));
                Faults.assertNothingLost("network between clients and service", clients, database);
            }
        }
    }

    private static Map<String, String> settings(OneDatabase database, Wire wire) {
        Map<String, String> settings = Faults.settings(database);
        settings.put("DB_URL", "jdbc:postgresql://127.0.0.1:%d/%s".formatted(wire.port(), database.name()));
        return settings;
    }

    private static void disturb(Wire wire, int time) {
        switch (time % 4) {
            case 0 -> {
                for (int i = 0; i < 5; i++) {
                    wire.cut();
                    Faults.pause(Duration.ofMillis(200));
                }
            }
            case 1 -> {
                wire.turn(State.MUTE);
                Faults.pause(Faults.LONG);
            }
            case 2 -> {
                wire.turn(State.DEAD);
                Faults.pause(Faults.LONG);
            }
            default -> {
                wire.turn(State.SLOW);
                Faults.pause(Faults.LONG);
            }
        }
        wire.turn(State.WHOLE);
        wire.cut(); // what was swallowed would be missing in the middle of it
    }
}
