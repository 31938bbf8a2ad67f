package dev.latchkey.access;

import dev.latchkey.token.HmacSha256;
import io.smallrye.jwt.algorithm.SignatureAlgorithm;
import io.smallrye.jwt.auth.principal.JWTAuthContextInfo;
import io.vertx.core.json.JsonObject;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Alternative;
import jakarta.enterprise.inject.Produces;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import javax.crypto.spec.SecretKeySpec;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.OctetSequenceJsonWebKey;

/** The keys of access tokens: one that signs, and all that are accepted, told apart by {@code kid}. */
@ApplicationScoped
class SigningKeys {

    /** The clock of whoever checks an access token may be off by this much, in seconds. */
    private static final int CLOCK_SKEW = 60;

    private static final SignatureAlgorithm ALGORITHM = SignatureAlgorithm.HS256;

    private final Key current;
    private final List<Key> accepted = new ArrayList<>();
    private final AccessConfig config;

    /** A secret key, the name that tokens give it, which tells nothing about it, and the header of the tokens it signs. */
    record Key(String id, byte[] secret, HmacSha256 hmac, String header) {

        private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

        private static Key of(String secret) {
            byte[] material = secret.getBytes(StandardCharsets.UTF_8);
            String id = BASE64.encodeToString(HmacSha256.derive(secret, "latchkey/access/id/1", 9));
            JsonObject header = new JsonObject()
                    .put("alg", ALGORITHM.getAlgorithm())
                    .put("typ", "at+jwt")
                    .put("kid", id);
            return new Key(id, material, new HmacSha256(material), encode(header));
        }

        /** A signed JWT in its compact form (RFC 7515 §3.1, RFC 7518 §3.2). Libraries make the header anew for each. */
        String sign(JsonObject claims) {
            String signed = header + "." + encode(claims);
            return signed + "." + BASE64.encodeToString(hmac.of(signed.getBytes(StandardCharsets.US_ASCII)));
        }

        private static String encode(JsonObject json) {
            return BASE64.encodeToString(json.encode().getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String toString() {
            return "Key[id=" + id + "]";
        }
    }

    SigningKeys(AccessConfig config) {
        this.config = config;
        this.current = Key.of(config.jwtAccessSecret());
        accepted.add(current);
        config.jwtAccessSecretPrevious().map(Key::of).ifPresent(accepted::add);
    }

    Key current() {
        return current;
    }

    /** How Quarkus checks the {@code Authorization} header; takes the place of what SmallRye reads from properties. */
    @Produces
    @Alternative
    @Priority(1)
    @ApplicationScoped
    JWTAuthContextInfo verification() {
        JWTAuthContextInfo info = new Verification();
        info.setSecretKeyContent(jwks());
        info.setSignatureAlgorithm(Set.of(ALGORITHM));
        info.setIssuedBy(config.jwtIssuer());
        info.setExpectedAudience(Set.of(config.jwtAudience()));
        info.setRequiredClaims(Set.of("sub", "sid", "jti"));
        info.setClockSkew(CLOCK_SKEW);
        return info;
    }

    /** SmallRye's own would print the keys. */
    private static final class Verification extends JWTAuthContextInfo {

        @Override
        public String toString() {
            return "Verification[]";
        }
    }

    private String jwks() {
        JsonWebKeySet keys = new JsonWebKeySet();
        for (Key key : accepted) {
            OctetSequenceJsonWebKey jwk = new OctetSequenceJsonWebKey(new SecretKeySpec(key.secret(), "HmacSHA256"));
            jwk.setKeyId(key.id());
            jwk.setAlgorithm(ALGORITHM.getAlgorithm());
            keys.addJsonWebKey(jwk);
        }
        return keys.toJson(org.jose4j.jwk.JsonWebKey.OutputControlLevel.INCLUDE_SYMMETRIC);
    }
}
