package dev.latchkey.access;

import io.smallrye.config.ConfigMapping;
import java.time.Duration;
import java.util.Optional;

/** Access tokens: how they are signed, for whom, and how long they are good. */
@ConfigMapping(prefix = "latchkey")
public interface AccessConfig {

    /** {@code JWT_ACCESS_SECRET}: the secret that access tokens are signed with. */
    String jwtAccessSecret();

    /** {@code JWT_ACCESS_SECRET_PREVIOUS}: accepted, but no longer (or not yet) used to sign. */
    Optional<String> jwtAccessSecretPrevious();

    /** {@code JWT_ISSUER}: the claim {@code iss}. */
    String jwtIssuer();

    /** {@code JWT_AUDIENCE}: the claim {@code aud}. */
    String jwtAudience();

    /** {@code ACCESS_TOKEN_TTL}. */
    Duration accessTokenTtl();
}
