package dev.latchkey.reliability;

import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** PgBouncer in transaction mode between the service and its database, as {@code src/docs/RELIABILITY.md} describes it. */
@Tag("faults")
class PgBouncerIT {

    private static final String TERMINATE = """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            """;

    /** Shares of DB_TIMEOUT, as the service would set them itself. */
    private static final String TIMEOUTS = """
            ALTER ROLE postgres SET statement_timeout = '2400ms';
            ALTER ROLE postgres SET lock_timeout = '1200ms';
            ALTER ROLE postgres SET idle_in_transaction_session_timeout = '3s'
            """;

    @Test
    void nothing_is_lost_when_pgbouncer_dies_or_its_connections_do() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            database.execute(TIMEOUTS);
            try (PgBouncer bouncer = new PgBouncer(postgres.port());
                    Packaged packaged = Packaged.start(settings(database, bouncer));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> {
                    if (time % 2 == 0) {
                        bouncer.kill();
                        bouncer.startAgain();
                    } else {
                        database.count(TERMINATE);
                    }
                });
                Faults.assertNothingLost("PgBouncer killed, or its connections", clients, database);
            }
        }
    }

    private static Map<String, String> settings(OneDatabase database, PgBouncer bouncer) {
        Map<String, String> settings = Faults.settings(database);
        settings.put("DB_MIGRATION_URL", database.url());
        settings.put(
                "DB_URL",
                "jdbc:postgresql://127.0.0.1:%d/%s?prepareThreshold=0".formatted(bouncer.port(), database.name()));
        return settings;
    }
}
