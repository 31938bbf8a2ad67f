package dev.latchkey.access;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Settings;
import io.quarkus.test.junit.QuarkusTest;
import io.smallrye.jwt.auth.principal.JWTAuthContextInfo;
import io.vertx.core.json.JsonObject;
import jakarta.inject.Inject;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** Tokens that are signed with the right secret, but wrong otherwise. Not for the packaged application: nobody has its secret. */
@QuarkusTest
class ForgedAccessTokenTest {

    private final Api api = Api.underTest();

    @Inject
    AccessConfig config;

    @Inject
    JWTAuthContextInfo verification;

    private Api.Session session;
    private JsonObject header;
    private JsonObject claims;

    private void begin() {
        session = api.newSession();
        header = Answer.part(session.accessToken(), 0);
        claims = Answer.part(session.accessToken(), 1);
    }

    @Test
    void the_signature_is_hmac_sha_256_with_the_bytes_of_the_secret() throws Exception {
        begin();
        assertThat(answer("HmacSHA256")).isEqualTo("accepted");
        assertThat(answer("HmacSHA512")).isEqualTo("access_token_invalid");
        header.put("alg", "HS512");
        assertThat(answer("HmacSHA512")).isEqualTo("access_token_invalid");
    }

    @Test
    void another_issuer_audience_or_type_is_refused() throws Exception {
        for (String wrong : new String[] {"", "x", "LATCHKEY", "http://localhost:8080/"}) {
            begin();
            claims.put("iss", wrong);
            assertThat(answer("HmacSHA256")).as("iss " + wrong).isEqualTo("access_token_invalid");
            begin();
            claims.put("aud", wrong);
            assertThat(answer("HmacSHA256")).as("aud " + wrong).isEqualTo("access_token_invalid");
        }
        for (Object wrong : new Object[] {"JWT", "jwt", "", "at+jwt ", "id+jwt", "text/at+jwt", 1, true}) {
            begin();
            header.put("typ", wrong);
            assertThat(answer("HmacSHA256")).as("typ " + wrong).isEqualTo("access_token_invalid");
        }
        begin();
        header.remove("typ");
        assertThat(answer("HmacSHA256")).isEqualTo("access_token_invalid");
        for (String right : new String[] {"at+jwt", "AT+JWT", "application/at+jwt"}) {
            begin();
            header.put("typ", right);
            assertThat(answer("HmacSHA256")).as(right).isEqualTo("accepted");
        }
    }

    @Test
    void an_expired_token_is_refused_after_a_minute_of_leeway() throws Exception {
        long now = System.currentTimeMillis() / 1000;
        begin();
        claims.put("iat", now - 900).put("exp", now - 30);
        assertThat(answer("HmacSHA256")).isEqualTo("accepted");
        claims.put("exp", now - 65);
        assertThat(answer("HmacSHA256")).isEqualTo("access_token_invalid");
        claims.remove("exp");
        assertThat(answer("HmacSHA256")).isEqualTo("access_token_invalid");
    }

    @Test
    void a_token_that_is_not_valid_yet_is_refused_but_for_a_minute_of_leeway() throws Exception {
        long now = System.currentTimeMillis() / 1000;
        begin();
        claims.put("nbf", now + 30);
        assertThat(answer("HmacSHA256")).isEqualTo("accepted");
        claims.put("nbf", now + 90);
        assertThat(answer("HmacSHA256")).isEqualTo("access_token_invalid");
    }

    @Test
    void a_key_that_the_token_brings_along_or_points_to_is_not_used() throws Exception {
        String own = Settings.secret();
        JsonObject jwk = new JsonObject().put("kty", "oct").put("k", text(bytes(own)));
        for (boolean named : new boolean[] {true, false}) {
            begin();
            if (!named) {
                header.remove("kid");
            }
            JsonObject plain = header;
            for (JsonObject changed : new JsonObject[] {
                plain,
                plain.copy().put("jwk", jwk.copy().put("kid", plain.getString("kid"))),
                plain.copy().put("jku", "http://localhost:1/keys"),
                plain.copy().put("x5u", "http://localhost:1/certificate")
            }) {
                header = changed;
                assertThat(answer("HmacSHA256", own)).as(header.encode()).isEqualTo("access_token_invalid");
            }
        }
    }

    @Test
    void what_verifies_tokens_does_not_print_its_keys() {
        String secret = config.jwtAccessSecret();

        assertThat(verification.getSecretKeyContent()).contains(text(bytes(secret)));
        assertThat(verification.toString()).doesNotContain(secret, text(bytes(secret)));
    }

    @Test
    void a_token_without_a_subject_session_or_id_is_refused() throws Exception {
        for (String claim : new String[] {"iss", "aud", "sub", "sid", "jti"}) {
            begin();
            claims.remove(claim);
            assertThat(answer("HmacSHA256")).as(claim).isEqualTo("access_token_invalid");
        }
        for (String claim : new String[] {"sub", "sid"}) {
            begin();
            claims.put(claim, "x");
            assertThat(answer("HmacSHA256")).as(claim).isEqualTo("access_token_invalid");
        }
        begin();
        claims.put("sid", 1);
        assertThat(answer("HmacSHA256")).isEqualTo("access_token_invalid");
    }

    @Test
    void a_session_of_another_user_or_of_nobody_has_ended() throws Exception {
        begin();
        claims.put("sub", api.newUser().id().toString());
        assertThat(answer("HmacSHA256")).isEqualTo("session_ended");
        begin();
        claims.put("sid", UUID.randomUUID().toString());
        assertThat(answer("HmacSHA256")).isEqualTo("session_ended");
    }

    private String answer(String algorithm) throws GeneralSecurityException {
        return answer(algorithm, config.jwtAccessSecret());
    }

    private String answer(String algorithm, String secret) throws GeneralSecurityException {
        String signed = text(bytes(header.encode())) + "." + text(bytes(claims.encode()));
        Mac mac = Mac.getInstance(algorithm);
        mac.init(new SecretKeySpec(bytes(secret), algorithm));
        var answer = api.me(signed + "." + text(mac.doFinal(signed.getBytes(StandardCharsets.US_ASCII))));
        return answer.status() == 200 ? "accepted" : answer.code();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
