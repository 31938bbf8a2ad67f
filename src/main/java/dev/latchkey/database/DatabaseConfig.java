package dev.latchkey.database;

import io.smallrye.config.ConfigMapping;
import java.time.Duration;

/** How the service uses its database. */
@ConfigMapping(prefix = "latchkey")
public interface DatabaseConfig {

    /** {@code DB_TIMEOUT}: how long to wait for a connection, and for an answer on one. */
    Duration dbTimeout();

    /** {@code MIGRATE_AT_BOOT}: whether the start-up migrates the schema; otherwise it only checks it. */
    boolean migrateAtBoot();
}
