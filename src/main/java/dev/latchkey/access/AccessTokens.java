package dev.latchkey.access;

import dev.latchkey.http.TokenResponse;
import dev.latchkey.token.RefreshTokens.Live;
import dev.latchkey.token.Token;
import io.smallrye.jwt.algorithm.SignatureAlgorithm;
import io.smallrye.jwt.build.Jwt;
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
        return Jwt.claims()
                .issuer(config.jwtIssuer())
                .subject(live.user().toString())
                .audience(config.jwtAudience())
                .issuedAt(issuedAt)
                .expiresAt(expiresAt)
                .claim("jti", UUID.randomUUID().toString())
                .claim("client_id", CLIENT_ID)
                .claim("sid", session.toString())
                .claim("roles", live.roles())
                .jws()
                .algorithm(SignatureAlgorithm.HS256)
                .header("typ", "at+jwt")
                .keyId(keys.current().id())
                .sign(keys.current().secret());
    }
}
