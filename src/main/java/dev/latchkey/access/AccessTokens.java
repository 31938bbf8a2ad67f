package dev.latchkey.access;

import dev.latchkey.http.TokenResponse;
import dev.latchkey.token.RefreshTokens.Live;
import dev.latchkey.token.Token;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.UUID;

/**
 * Makes access tokens: RFC 9068 JWTs. Their times come from the database, so that replicas agree, and none outlives its
 * session.
 */
@ApplicationScoped
public class AccessTokens {

    private static final String CLIENT_ID = "default";

    private final SigningKeys keys;
    private final AccessConfig config;

    AccessTokens(SigningKeys keys, AccessConfig config) {
        this.keys = keys;
        this.config = config;
    }

    /** The answer to a login or a refresh: the refresh token, and a new access token beside it. */
    public TokenResponse answer(Token refreshToken, Live live) {
        long issuedAt = live.now().getEpochSecond();
        long expiresAt = Math.min(
                issuedAt + config.accessTokenTtl().toSeconds(),
                live.sessionExpiresAt().getEpochSecond());
        return new TokenResponse(
                issue(refreshToken.session(), live, issuedAt, expiresAt),
                "Bearer",
                expiresAt - issuedAt,
                refreshToken.text(),
                Duration.between(live.now(), live.expiresAt()).toSeconds(),
                refreshToken.session());
    }

    private String issue(UUID session, Live live, long issuedAt, long expiresAt) {
        JsonObject claims = new JsonObject()
                .put("iss", config.jwtIssuer())
                .put("sub", live.user().toString())
                .put("aud", config.jwtAudience())
                .put("iat", issuedAt)
                .put("exp", expiresAt)
                .put("jti", UUID.randomUUID().toString())
                .put("client_id", CLIENT_ID)
                .put("sid", session.toString())
                .put("roles", live.roles());
        return keys.current().sign(claims);
    }
}
