package dev.latchkey.cleanup;

import io.smallrye.config.ConfigMapping;
import java.time.Duration;

/** What is cleaned up, and when. */
@ConfigMapping(prefix = "latchkey")
public interface CleanupConfig {

    /** {@code CLEANUP_SCHEDULE}: the time between two passes. */
    Duration cleanupSchedule();

    /** {@code CLEANUP_RETENTION_DAYS}: how long expired tokens and sessions that are over are kept. */
    int cleanupRetentionDays();

    /** {@code ROTATED_RETENTION}: how long rotated tokens are kept; reuse is detected without them too. */
    Duration rotatedRetention();

    /** {@code AUDIT_RETENTION}: how long audit rows are kept. */
    Duration auditRetention();
}
