package dev.latchkey.access;

import io.smallrye.jwt.algorithm.SignatureAlgorithm;
import io.smallrye.jwt.auth.principal.JWTAuthContextInfo;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Alternative;
import jakarta.enterprise.inject.Produces;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.generators.HKDFBytesGenerator;
import org.bouncycastle.crypto.params.HKDFParameters;
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

    /** A secret key and the name that tokens give it, which tells nothing about it. */
    record Key(String id, SecretKey secret) {

        private static Key of(String secret) {
            byte[] material = secret.getBytes(StandardCharsets.UTF_8);
            HKDFBytesGenerator hkdf = new HKDFBytesGenerator(new SHA256Digest());
            hkdf.init(new HKDFParameters(material, null, "latchkey/access/id/1".getBytes(StandardCharsets.US_ASCII)));
            byte[] id = new byte[9];
            hkdf.generateBytes(id, 0, id.length);
            return new Key(Base64.getUrlEncoder().encodeToString(id), new SecretKeySpec(material, "HmacSHA256"));
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
        JWTAuthContextInfo info = new JWTAuthContextInfo();
        info.setSecretKeyContent(jwks());
        info.setSignatureAlgorithm(Set.of(ALGORITHM));
        info.setIssuedBy(config.jwtIssuer());
        info.setExpectedAudience(Set.of(config.jwtAudience()));
        info.setRequiredClaims(Set.of("sub", "sid", "jti"));
        info.setClockSkew(CLOCK_SKEW);
        return info;
    }

    private String jwks() {
        JsonWebKeySet keys = new JsonWebKeySet();
        for (Key key : accepted) {
            OctetSequenceJsonWebKey jwk = new OctetSequenceJsonWebKey(key.secret());
            jwk.setKeyId(key.id());
            jwk.setAlgorithm(ALGORITHM.getAlgorithm());
            keys.addJsonWebKey(jwk);
        }
        return keys.toJson(org.jose4j.jwk.JsonWebKey.OutputControlLevel.INCLUDE_SYMMETRIC);
    }
}
