package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Db;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Race;
import java.sql.Connection;
import java.util.Collections;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.Test;

/** Replicas that boot at once on an empty database: without the lock some fail in nearly every round. */
class ReplicasMigrateTest {

    private static final int ROUNDS = 5;
    private static final int REPLICAS = 6;

    @Test
    void all_migrate_and_one_does_the_work() throws Exception {
        try (Postgres postgres = Postgres.start();
                Race race = new Race()) {
            for (int round = 0; round < ROUNDS; round++) {
                OneDatabase database = postgres.newDatabase();
                race.run(Collections.nCopies(REPLICAS, () -> {
                    Schema.migrateInTurn(flyway(database));
                    return null;
                }));

                try (Connection connection = Db.connect(database.url())) {
                    assertThat(Db.rows(connection, "SELECT version, success FROM latchkey_schema_history"))
                            .as("round %d", round)
                            .hasSize(1)
                            .first()
                            .satisfies(row -> assertThat(row)
                                    .containsEntry("version", "1")
                                    .containsEntry("success", true));
                }
            }
        }
    }

    /** As application.properties sets it up. */
    private static Flyway flyway(OneDatabase database) {
        return Flyway.configure()
                .dataSource(database.url(), "postgres", "postgres")
                .table("latchkey_schema_history")
                .baselineOnMigrate(true)
                .baselineVersion("0")
                .load();
    }
}
