package dev.latchkey.token;

import io.smallrye.config.ConfigMapping;
import java.time.Duration;
import java.util.Optional;

/** Sessions and refresh tokens: their secret, their lifetimes, what reuse leads to, and how they are rotated. */
@ConfigMapping(prefix = "latchkey")
public interface TokenConfig {

    /** What follows when a rotated token comes back after its retry window. */
    enum ReuseAction {
        /** The session ends. */
        END_SESSION,
        /** Every session of the user ends. */
        END_ALL_SESSIONS,
        /** It is refused and recorded, but the session goes on. */
        REPORT
    }

    /** {@code JWT_REFRESH_SECRET}: the secret that refresh tokens are made and checked with. */
    String jwtRefreshSecret();

    /** {@code JWT_REFRESH_SECRET_PREVIOUS}: accepted, but no longer (or not yet) used for new tokens. */
    Optional<String> jwtRefreshSecretPrevious();

    /** {@code REFRESH_TOKEN_TTL}: how long a refresh token may lie idle. */
    Duration refreshTokenTtl();

    /** {@code SESSION_MAX_TTL}: when a session ends, however often it is refreshed. */
    Duration sessionMaxTtl();

    /** {@code RETRY_WINDOW}: how long after its rotation a token is answered with the session's live one. */
    Duration retryWindow();

    /** {@code REUSE_ACTION}. */
    ReuseAction reuseAction();

    /** {@code ROTATION_GROUP_SIZE}: the most rotations that go to the database as one statement; with 1 each goes by itself. */
    int rotationGroupSize();
}
