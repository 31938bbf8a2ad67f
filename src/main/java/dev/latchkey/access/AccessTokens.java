package dev.latchkey.access;

import dev.latchkey.http.TokenResponse;
import dev.latchkey.token.RefreshTokens.Live;
import dev.latchkey.token.Token;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.UUID;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.NumericDate;
import org.jose4j.lang.JoseException;

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

    /** With the library below SmallRye's builder, which reads its defaults from the configuration for every token. */
    private String issue(UUID session, Live live, long issuedAt, long expiresAt) {
        JwtClaims claims = new JwtClaims();
        claims.setIssuer(config.jwtIssuer());
        claims.setSubject(live.user().toString());
        claims.setAudience(config.jwtAudience());
        claims.setIssuedAt(NumericDate.fromSeconds(issuedAt));
        claims.setExpirationTime(NumericDate.fromSeconds(expiresAt));
        claims.setJwtId(UUID.randomUUID().toString());
        claims.setStringClaim("client_id", CLIENT_ID);
        claims.setStringClaim("sid", session.toString());
        claims.setStringListClaim("roles", live.roles());

        JsonWebSignature jws = new JsonWebSignature();
        jws.setAlgorithmHeaderValue(AlgorithmIdentifiers.HMAC_SHA256);
        jws.setHeader("typ", "at+jwt");
        jws.setKeyIdHeaderValue(keys.current().id());
        jws.setKey(keys.current().secret());
        jws.setPayload(claims.toJson());
        try {
            return jws.getCompactSerialization();
        } catch (JoseException e) {
            throw new IllegalStateException(e);
        }
    }
}
